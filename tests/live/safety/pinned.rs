//! Pods whose template sends their replacements back to the node that is being drained: evicting them never ends.

use ::testbed::{Audit, Room, annotate, shared};
use serde_json::{Value, json};

use super::row;
use crate::plugin::{Outcome, drain, text};
use crate::untouched::untouched;

/// Two pods that can run on the room's first node only, and take `stop` to end.
fn pinned(room: &Room<'_>, stop: &str, pin: impl FnOnce(&mut Value, &str)) {
    room.deployment_with("web", 2, |web| {
        annotate(web, "testbed/delete-after", stop);
        pin(&mut web["spec"]["template"]["spec"], &room.nodes()[0]);
    });
    room.ready("web", 2);
}

/// Past the scheduler, and so past any cordon.
fn by_name(spec: &mut Value, node: &str) {
    spec["nodeName"] = json!(node);
}

/// The scheduler finds no other place, and the cordon is no obstacle.
fn by_toleration(spec: &mut Value, node: &str) {
    spec["nodeSelector"] = json!({"kubernetes.io/hostname": node});
    spec["tolerations"] = json!([{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]);
}

#[track_caller]
fn assert_refused(room: &Room<'_>, reason: &str) {
    let outcome = untouched(room, &drain(room, &[&room.nodes()[0]]));
    outcome.expect("refused", 3);
    let finding = outcome.finding("pinned-pod");
    assert_eq!(text(&finding, "severity"), "error", "{finding:#}");
    assert!(text(&finding, "message").contains(reason), "no {reason:?} in {finding:#}");
}

#[test]
fn pods_pinned_by_node_name_are_refused_in_the_plan() {
    let room = shared().room(2);
    pinned(&room, "0s", by_name);
    assert_refused(&room, "nodeName");
}

#[test]
fn pods_that_tolerate_the_cordon_and_fit_nowhere_else_are_refused_in_the_plan() {
    let room = shared().room(2);
    pinned(&room, "0s", by_toleration);
    assert_refused(&room, "toler");
}

/// Accepted, it ends by itself: whoever came back is named and stays.
#[track_caller]
fn assert_ends(room: &Room<'_>, reason: &str) -> (Outcome, Audit) {
    let node = room.nodes()[0].as_str();
    let (outcome, _, audit) = drain(room, &[node, "--allow=pinned-pod"]).watch().finish();
    outcome.expect("partial", 4);
    let report = outcome.report();
    assert_eq!(text(&report["nodes"][0], "result"), "partial", "{outcome}");
    let accepted = audit.evictions().filter(|eviction| eviction.accepted()).len();
    assert!(accepted <= 4, "{accepted} evictions of two pods\n{audit}");
    let back = room.pods_on(node);
    assert_eq!(back.len(), 2, "{back:?}");
    for pod in &back {
        let row = row(&outcome, text(&pod["metadata"], "uid"));
        assert_eq!(text(&row, "result"), "remains", "{row}");
        assert!(text(&row, "reason").contains(reason), "no {reason:?} in {row}");
    }
    assert!(!outcome.err.contains(&format!("node/{node} drained")), "{outcome}");
    (outcome, audit)
}

#[test]
fn accepted_pods_that_stop_at_once_are_not_chased() {
    let room = shared().room(2);
    pinned(&room, "0s", by_name);
    assert_ends(&room, "nodeName");
}

#[test]
fn accepted_pods_that_take_a_second_are_not_chased() {
    let room = shared().room(2);
    pinned(&room, "1s", by_name);
    assert_ends(&room, "nodeName");
}

#[test]
fn accepted_pods_that_tolerate_the_cordon_are_not_chased() {
    let room = shared().room(2);
    pinned(&room, "1s", by_toleration);
    assert_ends(&room, "toler");
}
