//! `--pod-selector`: what it leaves out is on the node all the same.

use ::testbed::{Room, shared};
use serde_json::json;

use super::{row, uids};
use crate::plugin::{drain, safe_drain, text};

fn room_with_four_pods() -> Room<'static> {
    let room = shared().room(1);
    room.deployment("web", 4);
    room.ready("web", 4);
    room
}

#[test]
fn a_selector_that_matches_nothing_is_stated() {
    let room = room_with_four_pods();
    let node = room.nodes()[0].as_str();
    let outcome = safe_drain(&room, &[node, "--yes", "--pod-selector=app=nobody"]).watched().0;
    let output = format!("{}{}", outcome.out, outcome.err);
    assert!(!output.contains(&format!("node/{node} drained: 0 pods gone")), "{outcome}");
    for part in ["4 pods", "match", "ignored"] {
        assert!(output.contains(part), "no {part:?}\n{outcome}");
    }
    assert_eq!(room.pods_on(node).len(), 4, "{outcome}");
}

#[test]
fn the_report_lists_what_the_selector_leaves_out() {
    let room = room_with_four_pods();
    let here = room.pods();
    let (outcome, record) = drain(&room, &[&room.nodes()[0], "--pod-selector=app=nobody"]).watched();
    assert_eq!((outcome.count("kept"), outcome.pods().len()), (4, 4), "{outcome}");
    for uid in uids(&here) {
        let reason = row(&outcome, &uid)["reason"].take();
        assert!(
            reason.as_str().is_some_and(|reason| reason.contains("--pod-selector")),
            "{reason}\n{outcome}"
        );
    }
    assert!(record.deleted_uids().is_empty());
}

/// It stays where it is, and nobody waits for it any more; it is not gone.
#[test]
fn a_pod_that_is_relabelled_is_no_longer_selected() {
    let room = shared().room(2);
    let node = room.nodes()[0].as_str();
    room.deployment_with("web", 2, |web| {
        web["spec"]["template"]["metadata"]["labels"]["part"] = json!("moves");
    });
    room.ready("web", 2);
    let pod = room.pods_on(node).remove(0);
    let (uid, name) = (text(&pod["metadata"], "uid"), text(&pod["metadata"], "name"));
    let _webhook = room.deny_evictions(403, "not now");
    let run = drain(&room, &[node, "--pod-selector=part=moves"]).watch();
    run.wait_for_output("not now");
    room.cluster().merge(&room.path_of("Pod", name), &json!({"metadata": {"labels": {"part": "stays"}}}));
    let (outcome, record, _) = run.finish();
    let row = row(&outcome, uid);
    assert_eq!(text(&row, "result"), "kept", "{outcome}");
    assert!(text(&row, "reason").contains("select"), "{row}");
    assert!(!record.deleted_uids().contains(uid));
    assert!(!outcome.err.contains(&format!("{name} gone")), "{outcome}");
}
