//! Until a pod is gone, replaced, or time is up: cases 19 to 21. Skipped pods and dying namespaces are in `faults/leaving.rs`.

use ::testbed::{annotate, shared};
use rustix::process::Signal;
use serde_json::Value;

use super::{is_cordoned, row};
use crate::plugin::{drain, text};

/// Case 19: a pod of the same name with another UID is not the one that was evicted, and is left alone.
#[test]
fn a_statefulset_pod_that_came_back_elsewhere_counts_as_gone() {
    let room = shared().room(2);
    room.statefulset("db", 2);
    room.ready("db", 2);
    let node = room.nodes()[0].as_str();
    let pod = room.pods_on(node).remove(0);
    let (name, uid) = (text(&pod["metadata"], "name").to_owned(), text(&pod["metadata"], "uid").to_owned());

    let (outcome, _) = drain(&room, &[node]).watched();
    outcome.expect("drained", 0);
    assert_eq!(
        (row(&outcome, &name)["uid"].as_str(), row(&outcome, &name)["result"].as_str()),
        (Some(uid.as_str()), Some("gone"))
    );
    let pods = room.ready("db", 2);
    let again = pods.iter().find(|pod| pod["metadata"]["name"] == name.as_str()).unwrap();
    assert_ne!(again["metadata"]["uid"], uid.as_str());
    assert_eq!(again["spec"]["nodeName"], room.nodes()[1].as_str());
}

/// Case 20: what is left is named, and the node stays cordoned.
#[test]
fn a_timeout_reports_the_pods_that_are_still_terminating() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.deployment_with("slow", 1, slow);
    room.deployment("quick", 1);
    room.ready("slow", 1);
    room.ready("quick", 1);
    let (outcome, _) = drain(&room, &[node, "--timeout=15s"]).watched();
    outcome.expect("timeout", 124);
    assert_eq!(
        (row(&outcome, "slow")["result"].as_str(), row(&outcome, "quick")["result"].as_str()),
        (Some("terminating"), Some("gone"))
    );
    assert!(is_cordoned(&room, node));
}

/// Case 21: Ctrl-C ends it long before its deadline; kubectl prints nothing at all.
#[test]
fn an_interrupt_ends_it_before_the_timeout_and_reports_the_state() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.deployment_with("slow", 1, slow);
    room.ready("slow", 1);
    let running = drain(&room, &[node, "--timeout=30m"]).watch();
    running.wait_for_output("evicting pod");
    running.signal(Signal::INT);
    let (outcome, _, _) = running.finish();
    outcome.expect("interrupted", 130);
    assert_eq!(row(&outcome, "slow")["result"], "terminating", "{outcome}");
    assert_eq!(outcome.report()["nodes"][0]["cordoned"], true);
}

/// Takes longer to stop than any test lasts, and may.
fn slow(object: &mut Value) {
    annotate(object, "testbed/delete-after", "600s");
    object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = serde_json::json!(600);
}
