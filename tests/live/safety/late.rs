//! Pods that come to the node after the plan was made are not part of what was agreed to.

use ::testbed::{shared, wait};
use serde_json::json;

use super::{PATIENCE, row};
use crate::faults::{end_all_on, end_on, endless, terminating};
use crate::plugin::{drain, text};

#[test]
fn a_late_pod_whose_owner_is_gone_is_not_evicted_without_force() {
    let room = shared().room(2);
    endless(&room, "web", 1);
    let _kept = room.keep_orphans();
    let node = room.nodes()[0].as_str();
    let run = drain(&room, &[node]).watch();
    wait("the pod to stop", PATIENCE, || (terminating(&room, node) == 1).then_some(()));
    let late = room.pod_with("late", |pod| {
        pod["spec"]["nodeName"] = json!(node);
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "ghost", "uid": "no-such-uid", "controller": true,
        }]);
    });
    run.wait_for_output("late");
    // What it came too late for ends, and so does the run.
    end_on(&room, node, "web");
    let (outcome, _, audit) = run.finish();
    outcome.expect("partial", 4);
    let row = row(&outcome, text(&late["metadata"], "uid"));
    assert_eq!(text(&row, "result"), "remains", "{outcome}");
    assert!(audit.evictions().iter().all(|it| it.name != "late"), "{audit}");
    end_all_on(&room, node);
}
