//! The node itself changes while it is drained.

use ::testbed::{shared, wait};
use serde_json::json;

use super::{PATIENCE, end_all_on, end_on, endless, node_path, terminating};
use crate::plugin::{drain, text};

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
