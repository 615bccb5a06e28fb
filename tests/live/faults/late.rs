//! Pods that come to the node after the plan was made.

use ::testbed::{shared, wait};
use serde_json::json;

use super::{PATIENCE, end_on, endless};
use crate::plugin::{drain, plugin, text};

#[test]
fn a_pod_bound_after_the_cordon_is_drained_too() {
    let room = shared().room(2);
    endless(&room, "web", 2);
    let node = room.nodes()[0].as_str();
    let run = drain(&room, &[node]).watch();
    run.wait_for_output("evicting pod");
    // As by a scheduler that had not observed the cordon. Its controller is one that does not count pods: a ReplicaSet would delete it,
    // as one too many, at any moment.
    let owner = room.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner"}}));
    let late = room.pod_with("late", |pod| {
        pod["spec"]["nodeName"] = json!(node);
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "v1", "kind": "ConfigMap", "controller": true,
            "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        }]);
    });
    run.wait_for_output("late was scheduled here after planning; it is evicted too");
    wait("all three to be asked for", PATIENCE, || (run.requests().evictions().len() >= 3).then_some(()));
    end_on(&room, node, "web");
    let (outcome, record, _) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 3, "{outcome}");
    assert!(record.deleted_uids().contains(text(&late["metadata"], "uid")));
}

#[test]
fn a_late_pod_that_nothing_would_make_again_is_kept_and_named() {
    let room = shared().room(2);
    endless(&room, "web", 2);
    let node = room.nodes()[0].as_str();
    let run = drain(&room, &[node]).watch();
    run.wait_for_output("evicting pod");
    room.pod_with("late", |pod| pod["spec"]["nodeName"] = json!(node));
    run.wait_for_output("late not evicted: came after the plan");
    wait("both to be asked for", PATIENCE, || (run.requests().evictions().len() >= 2).then_some(()));
    end_on(&room, node, "web");
    let (outcome, _, audit) = run.finish();
    outcome.expect("partial", 4);
    assert_eq!((outcome.count("gone"), outcome.count("remains")), (2, 1), "{outcome}");
    let kept = outcome.pods().into_iter().find(|pod| pod["result"] == "remains").unwrap();
    assert_eq!(text(&kept, "name"), "late");
    assert!(text(&kept, "reason").contains("no controller"), "{kept}");
    assert!(audit.evictions().iter().all(|eviction| eviction.name != "late"));
}

#[test]
fn a_deployment_that_tolerates_the_cordon_is_evicted_once_not_for_ever() {
    let room = shared().room(1);
    room.deployment_with("web", 2, |web| {
        let spec = &mut web["spec"]["template"]["spec"];
        spec["tolerations"] = json!([{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]);
    });
    room.ready("web", 2);
    // Without a spare node: this one is the only place.
    let run = plugin(&room, "safe-drain", &[&room.nodes()[0], "--yes", "-o", "json"]);
    let (outcome, _, audit) = run.watch().finish();
    outcome.expect("partial", 4);
    assert_eq!((outcome.count("gone"), outcome.count("remains")), (2, 2), "{outcome}");
    assert_eq!(audit.evictions().len(), 2);
    let kept = outcome.pods().into_iter().find(|pod| pod["result"] == "remains").unwrap();
    assert!(text(&kept, "reason").contains("tolerates the cordon"), "{kept}");
}
