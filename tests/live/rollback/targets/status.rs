//! `--status`: reads the rollout once and reports its state, in the exit code too.

use ::testbed::{PATIENCE, Room, shared, wait};
use serde_json::{Value, json};

use super::{app, begun};
use crate::plugin::{Outcome, rollback_to, text};

/// Once for people, once for programs.
#[track_caller]
fn status(room: &Room<'_>, word: &str, more: &[&str]) -> (Outcome, Value) {
    let args = [&[word, "--status"], more].concat();
    let printed = rollback_to(room, &args).run();
    let outcome = rollback_to(room, &[&args[..], &["-o", "json"]].concat()).run();
    assert_eq!(printed.code, outcome.code, "{printed}{outcome}");
    let workload = outcome.report()["workloads"][0].take();
    (printed, workload)
}

#[test]
fn a_complete_rollout_and_one_in_progress_have_different_exit_codes() {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |_| ());
    room.rolled_out("Deployment", "web");
    let mark = room.cluster().audit_mark();
    let (printed, workload) = status(&room, "deployment/web", &[]);
    assert_eq!((printed.code, text(&workload, "result")), (0, "complete"), "{printed}");
    assert!(printed.out.contains("deployment/web") && printed.out.contains("rolled out"), "{printed}");
    assert_eq!((&workload["available"], &workload["desired"]), (&json!(1), &json!(1)));

    room.set_template("Deployment", "web", |template| {
        template["spec"]["containers"][0]["image"] = json!(app("2"));
        template["metadata"]["annotations"]["testbed/ready-after"] = json!("600s");
    });
    room.observed("Deployment", "web");
    let (printed, workload) = status(&room, "deployment/web", &[]);
    assert_eq!((printed.code, text(&workload, "result")), (4, "progressing"), "{printed}");
    assert!(printed.out.contains("rolling out"), "{printed}");
    assert_eq!((&workload["revision"], &workload["available"]), (&json!(2), &json!(0)));

    room.kubectl(&["rollout", "pause", "deployment/web"]);
    let (printed, workload) = status(&room, "deployment/web", &[]);
    assert_eq!((printed.code, text(&workload, "result")), (4, "progressing"), "{printed}");
    assert!(printed.out.contains("paused") && printed.out.contains("kubectl rollout resume"), "{printed}");
    let changes = room.writes(mark, "kubectl-rollback-to").changes();
    assert!(changes.is_empty(), "looking changes nothing: {changes}");
}

#[test]
fn a_failed_rollout_reports_the_cause_and_the_next_command() {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |_| ());
    room.rolled_out("Deployment", "web");
    room.update("Deployment", "web", &app("404"), Some("image-pull-error"));
    wait("the rollout to count as failing", PATIENCE, || {
        let args = ["deployment/web", "--status", "--fail-after=1s"];
        (rollback_to(&room, &args).run().code == 1).then_some(())
    });
    let (printed, workload) = status(&room, "deployment/web", &["--fail-after=1s"]);
    assert_eq!((printed.code, text(&workload, "result")), (1, "failing"), "{printed}");
    assert!(printed.out.contains("ImagePullBackOff") && printed.out.contains("app:404"), "{printed}");
    assert!(printed.out.contains("kubectl rollback-to deployment/web"), "{printed}");
    let failing = workload["pods"].as_array().unwrap().iter().filter(|pod| pod["state"] == "failing").count();
    assert_eq!(failing, 1, "{workload:#}");
}

/// The plan would warn of the pod that blocks it: the suggested command has the flag already.
#[test]
fn the_way_back_of_a_statefulset_that_a_pod_blocks_comes_with_unstick() {
    let room = shared().room(1);
    begun(&room, "StatefulSet", "db", |db| db["spec"]["podManagementPolicy"] = json!("OrderedReady"));
    room.rolled_out("StatefulSet", "db");
    room.update("StatefulSet", "db", &app("404"), Some("image-pull-error"));
    wait("the rollout to count as failing", PATIENCE, || {
        let args = ["statefulset/db", "--status", "--fail-after=1s"];
        (rollback_to(&room, &args).run().code == 1).then_some(())
    });
    let printed = rollback_to(&room, &["statefulset/db", "--status", "--fail-after=1s"]).run();
    let go_back = printed.out.lines().find_map(|line| line.strip_prefix("to go back:  kubectl rollback-to "));
    let words: Vec<&str> = go_back.unwrap_or_else(|| panic!("{printed}")).split(' ').collect();
    let expected = ["statefulset/db", "-n", room.namespace(), "--last-healthy", "--unstick"];
    assert_eq!(words[..expected.len()], expected, "{printed}");
    // Without the flag it is blocked, and the result has the cause once.
    let blocked = rollback_to(&room, &["statefulset/db", "--last-healthy", "--yes"]).run();
    assert_eq!(blocked.code, 1, "{blocked}");
    assert_eq!(blocked.out.matches("ImagePull").count(), 1, "{blocked}");
}

#[test]
fn pods_excluded_by_a_partition_or_on_delete_are_reported_and_the_rollout_is_complete() {
    let room = shared().room(1);
    room.statefulset_with("db", 3, |db| {
        db["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
    });
    begun(&room, "DaemonSet", "agent", |agent| agent["spec"]["updateStrategy"] = json!({"type": "OnDelete"}));
    for (kind, name) in [("StatefulSet", "db"), ("DaemonSet", "agent")] {
        room.observed(kind, name);
        room.ready(name, if name == "db" { 3 } else { 1 });
        room.update(kind, name, &app("2"), None);
        room.observed(kind, name);
    }
    room.rolled_out("StatefulSet", "db");
    let (printed, workload) = status(&room, "statefulset/db", &[]);
    assert_eq!((printed.code, text(&workload, "result")), (0, "complete"), "{printed}");
    assert!(printed.out.contains("2 of 3: the partition excludes db-0"), "{printed}");
    let (printed, _) = status(&room, "daemonset/agent", &[]);
    assert!(printed.code == 0 && printed.out.contains("OnDelete"), "{printed}");
}

#[test]
fn without_replicas_nothing_is_claimed_of_a_version_that_never_ran() {
    let room = shared().room(1);
    for kind in ["Deployment", "StatefulSet"] {
        let word = super::word(kind, "web");
        begun(&room, kind, "web", |_| ());
        room.rolled_out(kind, "web");
        room.kubectl(&["scale", &word, "--replicas=0"]);
        room.observed(kind, "web");
        wait("its pods to be gone", PATIENCE, || room.pods().is_empty().then_some(()));
        super::updated(&room, kind, "web", &app("2"));

        let (printed, workload) = status(&room, &word, &[]);
        assert_eq!((printed.code, text(&workload, "result")), (0, "complete"), "{printed}");
        let words = "0 replicas, so there are no pods to show whether this version works";
        assert!(printed.out.contains(words) && text(&workload, "summary") == words, "{printed}");

        let history = rollback_to(&room, &[&word, "--history", "-o", "json"]).run().report();
        let revisions = history["workloads"][0]["revisions"].as_array().unwrap().clone();
        let health: Vec<&str> = revisions.iter().map(|it| text(&it["healthy"], "verdict")).collect();
        assert_eq!(health, ["unknown", "unknown"], "{kind} {history:#}");
        let words = "no revision of ";
        super::refused(&room, &[&word, "--last-healthy"], words, &["--to-revision 1", "--history"]);
        assert_eq!(room.image(kind, "web"), app("2"));
        room.kubectl(&["delete", &word]);
        wait("its pods to be gone", PATIENCE, || room.pods().is_empty().then_some(()));
    }
}
