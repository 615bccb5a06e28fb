//! Which pods leave, which stay, and which need the user's word: cases 1, 2 and 6 to 16.

use ::testbed::{annotate, shared};
use serde_json::json;

use super::{errors, finished, is_cordoned, plain, row, uids, with_emptydir};
use crate::plugin::{drain, safe_drain, text};

/// Cases 1, 8 and 10.
#[test]
fn pods_of_every_kind_of_controller_leave() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    for (api_version, kind, name) in [("v1", "ReplicationController", "rc"), ("apps/v1", "ReplicaSet", "rs")]
    {
        let selector =
            if kind == "ReplicaSet" { json!({"matchLabels": {"app": name}}) } else { json!({"app": name}) };
        room.apply(json!({
            "apiVersion": api_version, "kind": kind, "metadata": {"name": name},
            "spec": {"replicas": 2, "selector": selector, "template": {"metadata": {"labels": {"app": name}}, "spec": plain()}},
        }));
    }
    room.statefulset("set", 2);
    room.job_with("task", with_emptydir);
    for (app, count) in [("rc", 2), ("rs", 2), ("set", 2), ("task", 1)] {
        room.ready(app, count);
    }

    let (outcome, _) = drain(&room, &[node, "--force", "--delete-emptydir-data"]).watched();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 7, "{outcome}");
    assert_eq!(text(&outcome.finding("emptydir-data"), "accepted"), "--delete-emptydir-data");
    assert_eq!(text(&outcome.finding("job-progress"), "severity"), "warning");
}

/// Cases 2, 6 and 7: kubectl refuses without `--ignore-daemonsets`, and there is only one thing to do in any case.
#[test]
fn daemonset_pods_stay_with_and_without_the_flag() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.daemonset_with("agent", with_emptydir);
    room.pod_with("web", |pod| pod["metadata"]["labels"]["app"] = json!("web"));
    let before = room.ready("agent", 1);
    room.ready("web", 1);

    let (plain, _) = drain(&room, &[node, "--force"]).watched();
    plain.expect("drained", 0);
    let (flagged, _) = drain(&room, &[node, "--ignore-daemonsets"]).watched();
    flagged.expect("drained", 0);
    assert_eq!((row(&plain, "web")["result"].as_str(), flagged.pods().len()), (Some("gone"), 1));
    for outcome in [plain, flagged] {
        assert_eq!(row(&outcome, "agent")["result"], "kept", "{outcome}");
        // Its data stays with it.
        assert!(outcome.findings().iter().all(|id| id != "emptydir-data"), "{outcome}");
        assert_eq!(text(&outcome.finding("daemonset-pod"), "severity"), "info");
    }
    assert_eq!(uids(&room.ready("agent", 1)), uids(&before));
}

/// Cases 11, 12, 13 and 15. kubectl leaves the node cordoned when it refuses; here nothing is changed.
#[test]
fn bare_pods_and_emptydirs_each_need_their_flag() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.pod("bare");
    room.deployment_with("cache", 1, with_emptydir);
    room.ready("bare", 1);
    room.ready("cache", 1);

    let refusals: [(&[&str], &[&str]); 3] = [
        (&[], &["bare-pod", "emptydir-data"]),
        (&["--force"], &["emptydir-data"]),
        (&["--delete-emptydir-data"], &["bare-pod"]),
    ];
    for (flags, blocking) in refusals {
        let (outcome, record) = drain(&room, &[&[node], flags].concat()).watched();
        outcome.expect("refused", 3);
        let report = outcome.report();
        let open: Vec<&str> = report["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|f| f["severity"] == "error" && f["accepted"].is_null())
            .map(|f| text(f, "id"))
            .collect();
        assert_eq!(open, blocking, "{outcome}");
        assert_eq!(record.deleted_uids().len(), 0);
        assert!(!is_cordoned(&room, node));
    }

    let (outcome, _) = drain(&room, &[node, "--force", "--delete-emptydir-data"]).watched();
    outcome.expect("drained", 0);
    assert_eq!(
        (outcome.count("gone"), errors(&outcome)),
        (2, vec!["bare-pod".into(), "emptydir-data".into()])
    );
    assert_eq!(text(&outcome.finding("bare-pod"), "accepted"), "--force");
}

/// Cases 9 and 14.
#[test]
fn finished_pods_leave_without_questions() {
    let room = shared().room(1);
    room.job_with("task", |job| {
        annotate(job, "testbed/complete-after", "0s");
        with_emptydir(job);
    });
    room.pod_with("once", |pod| {
        annotate(pod, "testbed/complete-after", "0s");
        with_emptydir(pod);
        pod["spec"]["restartPolicy"] = json!("Never");
    });
    finished(&room, "task");
    finished(&room, "once");

    let (outcome, _) = drain(&room, &[&room.nodes()[0]]).watched();
    outcome.expect("drained", 0);
    assert_eq!((outcome.count("gone"), errors(&outcome)), (2, vec![]), "{outcome}");
    assert_eq!(row(&outcome, "once")["reason"], "finished");
}

/// Case 16.
#[test]
fn an_empty_node_is_drained() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    let outcome = safe_drain(&room, &[node, "--yes"]).watched().0;
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.out.contains(&format!("node/{node} drained: 0 pods gone")), "{outcome}");
    assert!(is_cordoned(&room, node));
}
