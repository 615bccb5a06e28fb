//! Evictions under budgets, as the server's own tests have them: cases 36, 37, 40 and 42.

use ::testbed::{Room, annotate, shared};
use serde_json::{Value, json};

use super::{errors, is_cordoned, row};
use crate::plugin::{drain, text};

/// Case 36.
#[test]
fn ten_evictions_under_one_budget_leak_no_conflict() {
    let room = shared().room(1);
    room.deployment("web", 10);
    room.budget("web", "web", json!({"maxUnavailable": 10}));
    room.ready("web", 10);
    room.budget_allows("web", 10);
    let (outcome, _, audit) = drain(&room, &[&room.nodes()[0], "--concurrency=20"]).watch().finish();
    outcome.expect("drained", 0);
    assert_eq!(
        (outcome.count("gone"), audit.evictions().filter(|e| e.accepted()).len()),
        (10, 10),
        "{outcome}"
    );
    let bad = audit.evictions().filter(|entry| entry.code == 409 || entry.code >= 500);
    assert_eq!(bad.len(), 0, "{bad}");
    assert!(!outcome.out.contains("onflict") && !outcome.err.contains("onflict"), "{outcome}");
}

/// Case 37.
#[test]
fn a_finished_pod_leaves_under_a_budget_that_allows_nothing() {
    let room = shared().room(1);
    room.deployment("web", 2);
    room.budget("web", "web", json!({"minAvailable": 2}));
    room.ready("web", 2);
    room.pod_with("done", |pod| {
        pod["metadata"]["labels"] = json!({"app": "web", "part": "done"});
        pod["spec"]["restartPolicy"] = json!("Never");
        annotate(pod, "testbed/complete-after", "0s");
    });
    ::testbed::wait("the pod to finish", super::PATIENCE, || {
        (shared().get(&room.path("", "pods/done"))["status"]["phase"] == "Succeeded").then_some(())
    });
    let (outcome, _) = drain(&room, &[&room.nodes()[0], "--pod-selector=part=done"]).watched();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 1, "{outcome}");
    let budget = shared().get(&room.path("policy", "poddisruptionbudgets/web"));
    assert!(
        budget["status"]["disruptedPods"].as_object().is_none_or(serde_json::Map::is_empty),
        "{budget:#}"
    );
    assert_eq!(room.ready("web", 2).len(), 2);
}

/// Case 40: what each policy allows: by the server's dry run and the plan's forecast, then by a real drain.
#[test]
fn unhealthy_pods_are_evicted_as_their_policy_allows() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    // name, policy, ready pods, whether the unready one may leave. Each budget requires one healthy pod.
    let cases = [
        ("nil-none", Value::Null, 0, false),
        ("nil-enough", Value::Null, 1, true),
        ("if-none", json!("IfHealthyBudget"), 0, false),
        ("if-enough", json!("IfHealthyBudget"), 1, true),
        ("always-none", json!("AlwaysAllow"), 0, true),
        ("always-enough", json!("AlwaysAllow"), 1, true),
    ];
    for (name, policy, ready, leaves) in &cases {
        room.pod_with(&format!("{name}-unhealthy"), |pod| {
            pod["metadata"]["labels"] = json!({"app": name, "leaves": leaves.to_string()});
            annotate(pod, "testbed/failure", "never-ready");
        });
        if *ready > 0 {
            room.pod_with(&format!("{name}-well"), |pod| pod["metadata"]["labels"]["app"] = json!(name));
        }
        room.budget(name, name, json!({"minAvailable": 1, "unhealthyPodEvictionPolicy": policy}));
    }
    for (name, _, ready, _) in &cases {
        super::budget_counts(&room, name, 1 + ready, *ready);
        running(&room, &format!("{name}-unhealthy"));
    }

    let (asked, _) = drain(&room, &[node, "--dry-run=server", "--force", "--allow=budget-blocked"]).watched();
    asked.expect("blocked", 3);
    for (name, _, ready, leaves) in &cases {
        let unhealthy = row(&asked, &format!("{name}-unhealthy"));
        assert_eq!(unhealthy["result"], if *leaves { "planned" } else { "blocked" }, "{name}\n{asked}");
        if *ready > 0 {
            // The healthy one is the last that its budget has.
            assert_eq!(row(&asked, &format!("{name}-well"))["result"], "blocked", "{name}\n{asked}");
        }
    }
    // And the plan predicted it: only the two that the server refuses are called blocked by budgets that can never allow them.
    let (real, _) = drain(&room, &[node, "--force", "--pod-selector=leaves=true"]).watched();
    real.expect("drained", 0);
    assert_eq!((real.count("gone"), errors(&real)), (4, vec!["bare-pod".to_owned()]), "{real}");
}

/// Case 42: too few pods for the budget in every way to write one; what opens it is `a_blocked_drain_goes_on_when_its_budget_changes`.
#[test]
fn budgets_in_numbers_and_in_percent_refuse_and_are_named() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    let rules = [
        ("number", json!({"minAvailable": 2})),
        ("percent", json!({"minAvailable": "60%"})),
        ("none-away", json!({"maxUnavailable": 0})),
        ("percent-away", json!({"maxUnavailable": "0%"})),
    ];
    for (name, rule) in &rules {
        room.deployment(name, 2);
        room.budget(name, name, rule.clone());
    }
    for (name, _) in &rules {
        room.ready(name, 2);
        super::budget_counts(&room, name, 2, 2);
    }
    let (outcome, record) = drain(&room, &[node]).watched();
    outcome.expect("blocked", 3);
    let report = outcome.report();
    let named: Vec<&str> = report["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|f| f["id"] == "budget-blocked")
        .map(|f| text(f, "subject"))
        .collect();
    for (name, _) in &rules {
        assert!(named.contains(&format!("{}/{name}", room.namespace()).as_str()), "{name}: {named:?}");
    }
    assert_eq!((named.len(), record.deleted_uids().len(), is_cordoned(&room, node)), (4, 0, false));

    // No budget at all, and the same pods leave.
    for (name, _) in &rules {
        shared().delete(&room.path("policy", &format!("poddisruptionbudgets/{name}")));
    }
    let (outcome, _) = drain(&room, &[node]).watched();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 8, "{outcome}");
}

#[track_caller]
fn running(room: &Room<'_>, pod: &str) {
    ::testbed::wait(&format!("{pod} to run"), super::PATIENCE, || {
        (shared().get(&room.path("", &format!("pods/{pod}")))["status"]["phase"] == "Running").then_some(())
    });
}
