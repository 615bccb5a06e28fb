//! The trap of ordered StatefulSets (kubernetes#67250): a pod broken by the old template is waited for and never replaced.

use ::testbed::{Room, shared, wait};
use serde_json::{Value, json};

use super::{PATIENCE, app, cause, command_in, made, pods_with, reported};
use crate::plugin::{plugin, rollback, rollback_to, text};
use crate::tty::Tty;

fn ordered(object: &mut Value) {
    object["spec"]["podManagementPolicy"] = json!("OrderedReady");
}

/// `db` on its second revision, whose first pod never becomes Ready.
#[track_caller]
pub fn broken(room: &Room<'_>, replicas: usize, edit: impl FnOnce(&mut Value)) {
    made(room, "StatefulSet", "db", replicas, None, |object| {
        ordered(object);
        edit(object);
    });
    room.update("StatefulSet", "db", &app(2), Some("never-ready"));
    wait("the broken pod", PATIENCE, || {
        pods_with(room, &app(2)).iter().any(|pod| pod["status"]["phase"] == "Running").then_some(())
    });
}

fn uids(room: &Room<'_>, image: &str) -> Vec<String> {
    pods_with(room, image).iter().map(|pod| text(&pod["metadata"], "uid").to_owned()).collect()
}

#[test]
fn unstick_deletes_the_broken_pod_and_no_other() {
    let room = shared().room(1);
    broken(&room, 3, |_| ());
    let good = uids(&room, &app(1));
    let (outcome, record) = rollback(&room, &["statefulset/db", "--to-revision=1", "--unstick"]).watched();
    outcome.expect("done", 0);
    assert!(outcome.err.contains("pod db-2 deleted; it is recreated with the current template"), "{outcome}");
    assert!(room.is_rolled_out("StatefulSet", "db"), "{outcome}");
    assert_eq!(
        uids(&room, &app(1)).iter().filter(|uid| good.contains(uid)).count(),
        2,
        "they were good already"
    );
    // By image: on a busy machine the controller may have made the broken pod anew since it was first seen.
    let deleted = record.deleted_uids();
    let pods = record.events.iter().filter(|event| event.kind == "Pod" && deleted.contains(event.uid()));
    let images: Vec<_> = pods.map(|event| &event.object["spec"]["containers"][0]["image"]).collect();
    assert!(!images.is_empty() && images.iter().all(|image| **image == app(2)), "{images:?}\n{outcome}");
}

#[test]
fn without_unstick_it_ends_with_the_command_that_goes_on() {
    let room = shared().room(1);
    broken(&room, 2, |_| ());
    let mark = shared().audit_mark();
    let outcome = rollback(&room, &["statefulset/db", "--to-revision=1"]).run();
    outcome.expect("failed", 1);
    assert_eq!(outcome.finding("statefulset-stuck")["severity"], "warning");
    let cause = cause(&outcome, "db");
    assert!(cause.contains("blocked by pod db-1 ("), "{outcome}");
    let deleted = room.writes(mark, "kubectl-rollback-to").filter(|entry| entry.verb == "delete");
    assert!(deleted.is_empty(), "{deleted}");
    let reported = reported(&outcome, "db");
    let command = command_in(text(&reported, "unstickCommand"));
    assert_eq!(command, ["statefulset/db", "-n", room.namespace(), "--to-revision", "3", "--unstick"]);
    // What the failed run was blocked by, blocks it now.
    let word = ["statefulset/db", "-n", room.namespace(), "--status"];
    let status = plugin(&room, "rollback-to", &word).run();
    assert_eq!(status.code, 1, "{status}");
    assert!(status.out.contains(" stuck: blocked by pod db-1: "), "{status}");
    assert!(
        status.out.contains(&format!("to unstick:  kubectl rollback-to {}\n", command.join(" "))),
        "{status}"
    );
    // The obvious next try.
    let retry = rollback(&room, &["statefulset/db", "--last-healthy", "--unstick"]).run();
    // Whether revision 1 counts as healthy depends on how long its pods were seen to run.
    let outcome = if retry.code == 3 {
        assert!(retry.err.contains("--to-revision 3 --unstick"), "{retry}");
        plugin(&room, "rollback-to", &[&command[..], &["--yes", "-o", "json"]].concat()).run()
    } else {
        retry
    };
    outcome.expect("done", 0);
    assert!(room.is_rolled_out("StatefulSet", "db"), "{outcome}");
    assert_eq!(pods_with(&room, &app(1)).len(), 2);
}

#[test]
fn on_a_terminal_the_user_is_asked_before_a_pod_is_deleted() {
    let room = shared().room(1);
    broken(&room, 1, |_| ());
    let uid = uids(&room, &app(2));
    let mut tty = Tty::start(&rollback_to(&room, &["statefulset/db", "--to-revision=1"]), &[]);
    tty.until("Roll statefulset/db back to revision 1").until("[y/N]").keys("y\r");
    tty.until("statefulset/db is blocked by pod db-0").until("Delete pod db-0?").until("[y/N]");
    assert_eq!(uids(&room, &app(2)), uid, "deleted before the answer");
    tty.keys("y\r");
    assert_eq!(tty.end(), 0, "{}", tty.text());
    tty.assert_left_clean();
    assert!(room.is_rolled_out("StatefulSet", "db"));
}

/// Consent is to what was shown: the plan and its dry run name the pod, and the question says what is done.
#[test]
fn the_pod_is_named_before_it_is_deleted() {
    let room = shared().room(1);
    broken(&room, 2, |_| ());
    let names = |args: &[&str]| {
        let all = [&["statefulset/db", "-n", room.namespace()], args, &["--unstick", "--dry-run"]].concat();
        let plan = plugin(&room, "rollback-to", &all).run();
        assert!(plan.out.contains("  deletes  pod db-1 (--unstick), which blocks it: "), "{plan}");
        assert!(plan.out.contains("statefulset/db planned; nothing was changed"), "{plan}");
    };
    names(&["--to-revision=1"]);
    rollback(&room, &["statefulset/db", "--to-revision=1"]).run().expect("failed", 1);
    // The template is there, and only the pod is left to be deleted.
    names(&["--to-revision=3"]);
    let uid = uids(&room, &app(2));
    let args = ["statefulset/db", "--to-revision=3", "--unstick"];
    for (answer, code) in [("n\r", 3), ("y\r", 0)] {
        assert_eq!(uids(&room, &app(2)), uid, "deleted without consent");
        let mut tty = Tty::start(&rollback_to(&room, &args), &[]);
        tty.until("Delete pod db-1 of statefulset/db?").until("[y/N]").keys(answer);
        assert_eq!(tty.end(), code, "{}", tty.text());
        assert!(!tty.text().contains("Roll statefulset/db"), "{}", tty.text());
    }
    assert!(room.is_rolled_out("StatefulSet", "db"));
}

#[test]
fn with_yes_there_is_no_prompt_on_a_terminal() {
    let room = shared().room(1);
    broken(&room, 1, |_| ());
    let uid = uids(&room, &app(2));
    let mut tty = Tty::start(&rollback_to(&room, &["statefulset/db", "--to-revision=1", "--yes"]), &[]);
    tty.until("blocked by pod db-0").until("--unstick");
    assert_eq!(tty.end(), 1, "{}", tty.text());
    assert!(!tty.text().contains("[y/N]"), "{}", tty.text());
    assert_eq!(uids(&room, &app(2)), uid, "deleted without consent");
}

#[test]
fn ordinals_and_partitions_count_as_the_controller_counts() {
    let room = shared().room(1);
    broken(&room, 3, |object| {
        object["spec"]["ordinals"] = json!({"start": 5});
        object["spec"]["updateStrategy"] =
            json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
    });
    let outcome = rollback(&room, &["statefulset/db", "--to-revision=1", "--unstick"]).run();
    outcome.expect("done", 0);
    assert!(outcome.err.contains("db-7 deleted"), "{outcome}");
    assert_eq!(pods_with(&room, &app(1)).len(), 3, "{outcome}");
    assert!(room.is_rolled_out("StatefulSet", "db"), "{outcome}");
}

/// It would come back with the template it has: deleting it helps nobody.
#[test]
fn a_broken_pod_below_the_partition_is_left_alone() {
    let room = shared().room(1);
    made(&room, "StatefulSet", "db", 2, None, ordered);
    room.update("StatefulSet", "db", &app(2), None);
    room.rolled_out("StatefulSet", "db");
    let partition = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 1}}}});
    room.cluster().merge(&room.path_of("StatefulSet", "db"), &partition);
    // Its container stumbles, and does not get up.
    let pod = room.path_of("Pod", "db-0");
    room.cluster().merge(&pod, &json!({"metadata": {"annotations": {"testbed/failure": "never-ready"}}}));
    let mut status = room.cluster().get(&pod)["status"].take();
    for condition in status["conditions"].as_array_mut().unwrap() {
        if condition["type"] == "Ready" || condition["type"] == "ContainersReady" {
            condition["status"] = json!("False");
            condition["reason"] = json!("ContainersNotReady");
        }
    }
    status["containerStatuses"][0]["ready"] = json!(false);
    room.cluster().merge(&format!("{pod}/status"), &json!({"status": status}));
    // kubectl waits for ever. No pod of the requested template runs, and the plan states that too: the flag does not promise more than it can do.
    let args = ["statefulset/db", "--to-revision=1", "--unstick", "--fail-after=1s"];
    let (outcome, record) = rollback(&room, &args).watched();
    assert_eq!(record.deleted_uids().len(), 0, "{outcome}");
    outcome.expect("failed", 1);
    assert!(cause(&outcome, "db").contains("blocked by db-0, which is not Ready"), "{outcome}");
    assert_eq!(
        outcome.finding("statefulset-stuck")["remedy"],
        "make db-0 Ready, or lower the partition",
        "{outcome}"
    );
    let pods = reported(&outcome, "db")["pods"].take();
    let kept = pods.as_array().unwrap().iter().find(|pod| pod["name"] == "db-0");
    assert_eq!(kept.unwrap()["cause"], "below the partition, and not Ready", "{outcome}");
}
