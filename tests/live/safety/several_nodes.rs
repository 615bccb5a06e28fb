//! Two nodes, and the pods of the first cannot leave: each node's report contains only what is true of it.

use ::testbed::{Room, shared};
use serde_json::json;

use crate::plugin::{drain, safe_drain, text};

/// One pod of `twice`, which two budgets select, on the first node; one of `web` on the second.
fn room() -> Room<'static> {
    let room = shared().room(2);
    for (app, node) in ["twice", "web"].into_iter().zip(room.nodes()) {
        room.deployment_with(app, 1, |object| {
            object["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/hostname"] = json!(node);
        });
    }
    for app in ["twice", "web"] {
        room.ready(app, 1);
    }
    // Only now: when a pod changes, its controller looks at the first budget that selects it and at no other.
    for budget in ["one", "two"] {
        room.budget(budget, "twice", json!({"maxUnavailable": 1}));
        room.budget_allows(budget, 1);
    }
    room
}

#[test]
fn a_node_whose_pods_failed_is_not_called_drained_in_the_report() {
    let room = room();
    let [first, second] = [room.nodes()[0].as_str(), room.nodes()[1].as_str()];
    let (outcome, _) = drain(&room, &[first, second, "--allow=pod-in-several-budgets,no-room"]).watched();
    outcome.expect("partial", 4);
    let report = outcome.report();
    let of = |name: &str| {
        let nodes = report["nodes"].as_array().into_iter().flatten();
        nodes.filter(|node| node["name"] == *name).map(|node| text(node, "result")).next().unwrap_or_default()
    };
    assert_ne!(of(first), "drained", "{outcome}");
    assert!(!outcome.err.contains(&format!("node/{first} drained")), "{outcome}");
    assert_eq!(room.pods_on(first).len(), 1, "{outcome}");
}

#[test]
fn a_node_whose_pods_failed_is_not_called_drained_on_the_screen() {
    let room = room();
    let [first, second] = [room.nodes()[0].as_str(), room.nodes()[1].as_str()];
    let outcome =
        safe_drain(&room, &[first, second, "--yes", "--allow=pod-in-several-budgets,no-room"]).watched().0;
    assert_eq!(outcome.code, 4, "{outcome}");
    let output = format!("{}{}", outcome.out, outcome.err);
    assert!(!output.contains(&format!("node/{first} drained")), "{outcome}");
    let pod = room.pods_on(first).remove(0);
    let name = text(&pod["metadata"], "name");
    assert!(outcome.out.contains(name), "what is left is named\n{outcome}");
}
