//! Every way in which pods are replaced: done is reported when the controller reports it, and not before.

use ::testbed::{annotate, shared};
use serde_json::json;

use super::{app, cause, pods_with, reported, updated};
use crate::plugin::rollback;

#[test]
fn pods_that_only_their_owner_replaces_are_named_and_the_rollback_is_partial() {
    let room = shared().room(1);
    for kind in ["StatefulSet", "DaemonSet"] {
        let target = super::typed(kind, "web");
        updated(&room, kind, "web", 2, None, |_| ());
        room.cluster().merge(
            &room.path_of(kind, "web"),
            &json!({"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}}),
        );
        let outcome = rollback(&room, &[&target, "--to-revision=1"]).run();
        outcome.expect("partial", 4);
        let kept = reported(&outcome, "web")["pods"].as_array().cloned().unwrap();
        assert!(!kept.is_empty() && kept.iter().all(|pod| pod["state"] == "old"), "{kind}\n{outcome}");
        let words = match kept.as_slice() {
            [pod] => format!("OnDelete: {} still runs the old template", pod["name"].as_str().unwrap()),
            several => format!("OnDelete: {} pods still run the old template", several.len()),
        };
        assert_eq!(cause(&outcome, "web"), words, "{kind}");
        assert_eq!(room.image(kind, "web"), app(1));
        assert_eq!(pods_with(&room, &app(2)).len(), kept.len(), "none was deleted");
        room.kubectl(&["delete", &target]);
        ::testbed::wait("its pods to go", super::PATIENCE, || room.pods().is_empty().then_some(()));
    }
}

#[test]
fn what_a_partition_keeps_back_is_named_and_the_rollback_is_partial() {
    let room = shared().room(1);
    updated(&room, "StatefulSet", "web", 3, None, |_| ());
    let partition = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}});
    room.cluster().merge(&room.path_of("StatefulSet", "web"), &partition);
    let outcome = rollback(&room, &["statefulset/web", "--to-revision=1"]).run();
    outcome.expect("partial", 4);
    assert_eq!(cause(&outcome, "web"), "2 of 3: the partition excludes web-0");
    assert!(room.is_rolled_out("StatefulSet", "web"), "{outcome}");
    let old = pods_with(&room, &app(2));
    assert_eq!(old.iter().map(|pod| &pod["metadata"]["name"]).collect::<Vec<_>>(), ["web-0"]);
}

/// The watcher reads the state right after the end was reported, so a report that comes too early is noticed.
#[test]
fn done_means_that_the_controller_is_done() {
    let room = shared().room(2);
    let slow = |object: &mut serde_json::Value| annotate(object, "testbed/ready-after", "1s");
    updated(&room, "Deployment", "recreate", 2, None, |object| {
        object["spec"]["strategy"] = json!({"type": "Recreate"});
        annotate(object, "testbed/delete-after", "1s");
        slow(object);
    });
    updated(&room, "Deployment", "patient", 1, None, |object| object["spec"]["minReadySeconds"] = json!(2));
    updated(&room, "Deployment", "none", 0, None, |_| ());
    updated(&room, "StatefulSet", "ordered", 2, None, |object| {
        object["spec"]["podManagementPolicy"] = json!("OrderedReady");
        slow(object);
    });
    updated(&room, "StatefulSet", "empty", 0, None, |_| ());
    updated(&room, "DaemonSet", "agent", 2, None, slow);
    updated(&room, "DaemonSet", "surging", 2, None, |object| {
        object["spec"]["updateStrategy"]["rollingUpdate"] = json!({"maxSurge": 1, "maxUnavailable": 0});
        slow(object);
    });
    let all = [
        ("Deployment", "recreate", 2),
        ("Deployment", "patient", 1),
        ("Deployment", "none", 0),
        ("StatefulSet", "ordered", 2),
        ("StatefulSet", "empty", 0),
        ("DaemonSet", "agent", 2),
        ("DaemonSet", "surging", 2),
    ];
    let runs = all.map(|(kind, name, pods)| {
        (kind, name, pods, rollback(&room, &[&super::typed(kind, name), "--to-revision=1"]).spawn())
    });
    for (kind, name, pods, run) in runs {
        let outcome = run.finish();
        outcome.expect("done", 0);
        assert!(
            room.is_rolled_out(kind, name),
            "{kind} {name}: {:#}\n{outcome}",
            room.workload(kind, name)["status"]
        );
        assert_eq!(room.image(kind, name), app(1), "{name}");
        let ready = reported(&outcome, name)["pods"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|pod| pod["state"] == "ready")
            .count();
        assert_eq!(ready, pods, "{name}\n{outcome}");
    }
}
