//! Findings that a real cluster shows, and how they decide about the exit code.

use ::testbed::{Room, shared};
use serde_json::json;

use super::{leases, severity, verdicts};
use crate::plugin::{heal_check, text};

const JSON: [&str; 2] = ["-o", "json"];

/// One replica under a budget that needs it.
fn blocked() -> Room<'static> {
    leases();
    let room = shared().room(2);
    room.deployment("web", 1);
    room.budget("web", "web", json!({"minAvailable": 1}));
    room.ready("web", 1);
    let path = room.path("policy", "poddisruptionbudgets/web");
    ::testbed::wait("the budget to count the pod", ::testbed::PATIENCE, || {
        let status = shared().get(&path)["status"].clone();
        (status["currentHealthy"] == 1 && status["expectedPods"] == 1).then_some(())
    });
    room
}

#[test]
fn a_budget_that_blocks_is_an_error_until_it_is_ignored() {
    let room = blocked();
    let run = |args: &[&str]| heal_check(&room, &[args, &JSON].concat()).run();
    let outcome = run(&[]);
    outcome.expect("findings", 1);
    assert_eq!(
        (severity(&outcome, "HC204"), severity(&outcome, "HC201")),
        ("error".into(), "warning".into())
    );
    assert!(verdicts(&outcome, "Deployment", "web").ends_with(" wont"), "{outcome}");
    run(&["--fail-on", "critical"]).expect("ok", 0);
    run(&["--ignore", "HC204:web"]).expect("ok", 0);
    run(&["--ignore", "HC204:other"]).expect("findings", 1);
    run(&["--ignore", "HC204", "--fail-on", "warning"]).expect("findings", 1);
}

#[test]
fn a_pod_without_a_controller_is_named() {
    leases();
    let room = shared().room(1);
    room.pod("tool");
    room.ready("tool", 1);
    let outcome = heal_check(&room, &JSON).run();
    // It was made a moment ago.
    assert_eq!(severity(&outcome, "HC101"), "info", "{outcome}");
    let text = heal_check(&room, &[]).run();
    assert!(text.out.contains("pod/tool has no controller: nothing recreates it"), "{text}");
}

/// A message of a status comes from whoever may write it.
#[test]
fn hostile_text_is_only_shown() {
    leases();
    let room = shared().room(1);
    room.pod_with("evil", |pod| pod["spec"]["schedulerName"] = json!("nobody"));
    let since = "2026-01-01T00:00:00Z";
    let message = "\u{1b}]0;owned\u{7}\u{202e}0/1 nodes\nforged";
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message, "lastTransitionTime": since});
    shared().merge_status(&room.path("", "pods/evil"), &json!({"conditions": [condition]}));
    for output in ["text", "wide", "json", "yaml"] {
        let outcome = heal_check(&room, &["-o", output]).run();
        assert_eq!(outcome.code, 1, "{outcome}");
        assert!(outcome.out.contains("HC607") && outcome.out.contains("owned"), "{outcome}");
        let hostile = outcome.out.chars().find(|c| *c != '\n' && cluster_model::text::is_hostile(*c));
        assert_eq!(hostile, None, "{output}: {:?}", outcome.out);
    }
}

#[test]
fn an_image_that_only_some_nodes_have() {
    leases();
    let room = shared().room(2);
    room.deployment("web", 1);
    room.ready("web", 1);
    let path = |name: &str| room.path("apps", &format!("deployments/{name}"));
    let image = shared().get(&path("web"))["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert!(image.is_string(), "{image}");
    for (node, image) in room.nodes().iter().zip([image, json!("other.example/app:1")]) {
        shared().merge_status(
            &format!("/api/v1/nodes/{node}"),
            &json!({"images": [{"names": [image], "sizeBytes": 1}]}),
        );
    }
    let outcome = heal_check(&room, &JSON).run();
    let message = text(&outcome.finding("HC507"), "message").to_owned();
    assert!(message.contains("1 of 2 nodes that may take a replacement"), "{message}");
}
