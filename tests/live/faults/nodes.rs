//! The node itself changes while it is drained.

use ::testbed::{Room, shared, wait};
use rustix::process::Signal;
use serde_json::json;

use super::{PATIENCE, end_all_on, end_on, endless, node_path, terminating};
use crate::plugin::{drain, safe_drain, text};

#[test]
fn a_node_that_somebody_uncordons_is_not_called_drained() {
    let room = shared().room(2);
    endless(&room, "web", 2);
    let node = room.nodes()[0].as_str();
    let run = drain(&room, &[node]).watch();
    wait("the pods to stop", PATIENCE, || (terminating(&room, node) == 2).then_some(()));
    room.cluster().merge(&node_path(node), &json!({"spec": {"unschedulable": null}}));
    end_on(&room, node, "web");
    let (outcome, _, _) = run.finish();
    outcome.expect("partial", 4);
    let report = outcome.report();
    assert_eq!(report["nodes"][0]["cordoned"], false);
    assert!(text(&report, "error").contains("was uncordoned by someone else"), "{outcome}");
}

#[test]
fn a_node_that_is_deleted_is_not_called_drained() {
    let room = shared().room(2);
    endless(&room, "web", 2);
    let node = room.nodes()[0].as_str();
    let run = drain(&room, &[node]).watch();
    wait("the pods to stop", PATIENCE, || (terminating(&room, node) == 2).then_some(()));
    room.cluster().delete(&node_path(node));
    end_all_on(&room, node);
    let (outcome, _, _) = run.finish();
    outcome.expect("partial", 4);
    let report = outcome.report();
    assert!(report["nodes"][0]["cordoned"].is_null(), "{outcome}");
    assert!(text(&report, "error").contains("was deleted, or is another node"), "{outcome}");
    // It ends at once; what became of the pods may not have been seen yet.
    assert_eq!(outcome.count("gone") + outcome.count("terminating"), 2, "{outcome}");
}

/// Another node under the same name, as when a machine is replaced.
fn replace(room: &Room<'_>, node: &str, cordoned: bool) {
    let old = room.node(node);
    room.cluster().delete(&node_path(node));
    let metadata = &old["metadata"];
    let mut new = json!({
        "metadata": {"name": node, "labels": metadata["labels"], "annotations": metadata["annotations"]},
        "spec": old["spec"], "status": {"capacity": old["status"]["capacity"], "allocatable": old["status"]["allocatable"]},
    });
    new["spec"]["unschedulable"] = json!(cordoned);
    room.cluster().create("/api/v1/nodes", &new);
}

/// What is bound to the new node of that name was never agreed to leave.
#[test]
fn a_node_that_is_replaced_under_its_name_is_not_called_drained_and_nothing_is_evicted_from_it() {
    for cordoned in [false, true] {
        let room = shared().room(2);
        let node = room.nodes()[0].as_str();
        room.deployment("web", 2);
        room.ready("web", 2);
        let webhook = room.deny_evictions(403, "not now");
        let run = drain(&room, &[node]).watch();
        run.wait_for_output("not now");
        replace(&room, node, cordoned);
        // From here on nothing else is in the way of evictions.
        drop(webhook);
        let (outcome, _, audit) = run.finish_unchecked();
        assert!(matches!(outcome.code, 1 | 4), "{outcome}");
        let report = outcome.report();
        assert!(text(&report, "error").contains("was deleted, or is another node"), "{outcome}");
        assert_ne!(text(&report["nodes"][0], "result"), "drained", "{outcome}");
        assert!(report["nodes"][0]["cordoned"].is_null(), "{outcome}");
        assert!(!outcome.err.contains(&format!("node/{node} drained")), "{outcome}");
        assert_eq!(audit.evictions().filter(|it| it.accepted()).len(), 0, "{audit}");
        assert_eq!(room.node(node)["spec"]["unschedulable"] == true, cordoned, "{outcome}");
    }
}

/// The first of two nodes is drained, and deleted as nodes are that nobody needs any more. The commands name only what is there.
#[test]
fn a_node_that_is_deleted_after_it_was_drained_is_in_no_command() {
    let room = shared().room(2);
    let [first, second] = [room.nodes()[0].as_str(), room.nodes()[1].as_str()];
    room.deployment_with("web", 1, |object| {
        object["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/hostname"] = json!(second);
    });
    room.ready("web", 1);
    let webhook = room.deny_evictions(403, "not now");
    let run = safe_drain(&room, &[first, second, "--yes", "--allow=no-room"]).watch();
    run.wait_for_output("not now");
    room.cluster().delete(&node_path(first));
    run.signal(Signal::INT);
    let (outcome, _, _) = run.finish();
    drop(webhook);
    assert_eq!(outcome.code, 130, "{outcome}");
    let commands: Vec<&str> =
        outcome.out.lines().filter(|line| line.contains("kubectl safe-drain")).collect();
    assert!(!commands.is_empty(), "{outcome}");
    assert!(commands.iter().all(|line| line.contains(second) && !line.contains(first)), "{outcome}");
    assert!(outcome.out.contains(&format!("node/{first} gone")), "{outcome}");
}
