//! What is accepted by name or by kubectl's own flag goes through, and the report names the flag.

use ::testbed::shared;
use serde_json::json;

use super::{expect, with_volume};
use crate::plugin::{drain, text};
use crate::untouched::untouched;

#[test]
fn kubectls_flags_accept_what_they_stand_for() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.pod("bare");
    room.deployment_with("scratch", 1, |scratch| {
        with_volume(scratch, json!({"name": "cache", "emptyDir": {}}))
    });
    room.ready("bare", 1);
    room.ready("scratch", 1);

    // Each flag alone is not enough.
    for flag in ["--force", "--delete-emptydir-data"] {
        untouched(&room, &drain(&room, &[node, flag])).expect("refused", 3);
    }
    let (outcome, _) = drain(&room, &[node, "--force", "--delete-emptydir-data"]).watched();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 2, "{outcome}");
    assert_eq!(text(&expect(&outcome, "bare-pod", "error", "bare", ""), "accepted"), "--force");
    let flag = "--delete-emptydir-data";
    assert_eq!(text(&expect(&outcome, "emptydir-data", "error", "scratch", ""), "accepted"), flag);
}

#[test]
fn allow_accepts_by_name() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.pod("bare");
    room.deployment_with("ephemeral", 1, |pod| {
        let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        with_volume(pod, json!({"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": claim}}}));
    });
    room.bind("ephemeral", node);
    room.ready("bare", 1);
    room.ready("ephemeral", 1);

    let half = untouched(&room, &drain(&room, &[node, "--allow=bare-pod"]));
    half.expect("refused", 3);
    assert_eq!(text(&expect(&half, "bare-pod", "error", "bare", ""), "accepted"), "--allow bare-pod");
    assert!(expect(&half, "ephemeral-volume-data", "error", "ephemeral", "")["accepted"].is_null());

    let dry = untouched(
        &room,
        &drain(&room, &[node, "--allow=bare-pod,ephemeral-volume-data", "--dry-run=server"]),
    );
    dry.expect("planned", 0);
    let dry = untouched(&room, &drain(&room, &[node, "--allow=all", "--dry-run"]));
    dry.expect("planned", 0);
    for (id, subject) in [("bare-pod", "bare"), ("ephemeral-volume-data", "ephemeral")] {
        assert_eq!(text(&expect(&dry, id, "error", subject, ""), "accepted"), "--allow all");
    }
}
