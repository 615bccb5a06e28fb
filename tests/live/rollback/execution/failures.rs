//! The target's pods do not become healthy, or only late: what is reported, and how soon.

use ::testbed::{annotate, shared, wait};
use serde_json::{Value, json};

use super::{
    KINDS, PATIENCE, app, cause, made, pods_with, release, released, reported, typed, updated,
    updated_with_unready_pods,
};
use crate::plugin::{Running, rollback, text};

/// Failure of the first revision's pods, the cause that is reported, and the last line of the log.
const FATES: [(&str, &str, Option<&str>); 5] = [
    (
        "image-pull-error",
        "ImagePullBackOff in container main: Back-off pulling image \"example.invalid/app:1\"",
        None,
    ),
    (
        "config-error",
        "CreateContainerConfigError in container main: configmap \"app-config\" not found",
        None,
    ),
    ("crash-loop", "CrashLoopBackOff in container main: exit code 1, ", Some("panic: cannot reach db:5432")),
    ("oom", "CrashLoopBackOff in container main: exit code 137 (OOMKilled), ", Some("2048 MiB used")),
    ("never-ready", "ContainersNotReady in container main: containers with unready status: [main]", None),
];

#[test]
fn each_pod_failure_is_the_cause_with_its_message_and_the_log_of_the_crashed_container() {
    let room = shared().room(1);
    for (failure, ..) in FATES {
        updated(&room, "Deployment", failure, 1, Some(failure), |_| ());
    }
    let run = |failure: &str| {
        rollback(&room, &[&typed("Deployment", failure), "--to-revision=1", "--fail-after=2s"]).spawn()
    };
    let runs: Vec<Running> = FATES.iter().map(|(failure, ..)| run(failure)).collect();
    for ((failure, words, last), run) in FATES.iter().zip(runs) {
        let outcome = run.finish();
        outcome.expect("failed", 1);
        let workload = reported(&outcome, failure);
        assert!(text(&workload, "cause").contains(words), "{failure}\n{outcome}");
        let pods = workload["pods"].as_array().unwrap();
        let failing: Vec<&Value> = pods.iter().filter(|pod| pod["state"] == "failing").collect();
        let [pod] = failing.as_slice() else { panic!("{failure}\n{outcome}") };
        assert!(text(&workload, "cause").starts_with(text(pod, "name")), "the pod is named\n{outcome}");
        let log = pod["log"].as_array().and_then(|log| log.last()).and_then(Value::as_str);
        assert_eq!(log, *last, "{failure}\n{outcome}");
        let shows_last_line = last.is_none_or(|last| outcome.err.contains(last));
        assert!(shows_last_line, "{failure}: the log is printed where it fails too\n{outcome}");
        // Left as it is, and the good pod is still there.
        assert_eq!(room.image("Deployment", failure), app(1));
        assert_eq!(pods.iter().filter(|pod| pod["state"] == "old").count(), 1, "{failure}\n{outcome}");
    }
}

#[test]
fn a_fault_of_a_statefulset_or_daemonset_is_found_though_they_have_no_deadline() {
    let room = shared().room(1);
    for kind in ["StatefulSet", "DaemonSet"] {
        let target = typed(kind, "web");
        updated(&room, kind, "web", 1, Some("crash-loop"), |_| ());
        let outcome = rollback(&room, &[&target, "--to-revision=1", "--fail-after=2s"]).run();
        outcome.expect("failed", 1);
        let log = &reported(&outcome, "web")["pods"][0]["log"];
        assert_eq!(log[2], "panic: cannot reach db:5432", "{kind}\n{outcome}");
    }
}

#[test]
fn the_faults_of_the_template_that_goes_are_not_those_of_the_one_that_comes() {
    let room = shared().room(1);
    for kind in KINDS {
        let target = typed(kind, "web");
        made(&room, kind, "web", 1, None, |_| ());
        room.update(kind, "web", &app(2), Some("crash-loop"));
        wait("the bad pod", PATIENCE, || {
            pods_with(&room, &app(2))
                .iter()
                .any(|pod| {
                    pod["metadata"]["ownerReferences"][0]["name"]
                        .as_str()
                        .is_some_and(|it| it.starts_with("web"))
                        && pod.pointer("/status/containerStatuses/0/state/waiting").is_some()
                })
                .then_some(())
        });
        // No patience at all: the old pods' fault must not count even for a moment.
        let outcome = rollback(&room, &[&target, "--to-revision=1", "--fail-after=0s"]).run();
        outcome.expect("done", 0);
        assert!(room.is_rolled_out(kind, "web"), "{kind}\n{outcome}");
        room.kubectl(&["delete", &target]);
        wait("its pods to go", PATIENCE, || room.pods().is_empty().then_some(()));
    }
}

#[test]
fn slow_pods_are_waited_for_and_each_step_is_reported_once() {
    let room = shared().room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 2, super::surge_only);
    let run = rollback(&room, &["deployment/web", "--to-revision=1", "--fail-after=10m"]).spawn();
    run.wait_for_output("0 of 2 updated pods available");
    // The second is made when the first is Ready.
    wait("the first pod", PATIENCE, || {
        pods_with(&room, &app(1)).pop().filter(|pod| pod["status"]["phase"] == "Running")
    });
    release(&room);
    run.wait_for_output("1 of 2 updated pods available");
    let outcome = released(&room, run);
    outcome.expect("done", 0);
    let steps: Vec<&str> =
        outcome.err.lines().filter(|line| line.contains(" updated pods available")).collect();
    let expected = [0, 1, 2].map(|n| format!("deployment/web: {n} of 2 updated pods available"));
    assert_eq!(steps, expected, "{outcome}");
    assert!(!outcome.err.contains('\u{1b}'), "no terminal, no colours: {outcome}");
}

#[test]
fn a_pod_that_stumbles_once_is_no_failure_and_is_done_only_when_it_stands() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |object| {
        annotate(object, "testbed/failure", "flapping");
        object["spec"]["minReadySeconds"] = json!(2);
    });
    let outcome = rollback(&room, &["deployment/web", "--to-revision=1", "--fail-after=10m"]).run();
    outcome.expect("done", 0);
    let [pod] = pods_with(&room, &app(1)).try_into().unwrap_or_else(|pods: Vec<Value>| panic!("{pods:#?}"));
    let flapped =
        pod["status"]["conditions"].as_array().unwrap().iter().any(|it| it["type"] == "testbed/flapped");
    assert!(flapped, "it said done before the pod had been available for minReadySeconds\n{outcome}");
    assert!(room.is_rolled_out("Deployment", "web"), "{outcome}");
}

/// Research 2.5, the converse: a ReplicaSet that is adopted again keeps the condition of its last rollout, so the deadline never fires.
#[test]
fn pods_that_cannot_be_created_fail_the_rollback_with_the_servers_message() {
    let room = shared().room(1);
    for kind in KINDS {
        updated(&room, kind, &kind.to_lowercase(), 1, None, |_| ());
    }
    let _policy = room.refuse_pods("no pods on a Tuesday");
    for kind in KINDS {
        let target = typed(kind, &kind.to_lowercase());
        let args = [target.as_str(), "--to-revision=1", "--fail-after=1s"];
        // Known before, if it is asked.
        let refused = rollback(&room, &args).run();
        refused.expect("refused", 3);
        assert_eq!(refused.finding("pod-not-admitted")["severity"], "error", "{kind}");
        let outcome = rollback(&room, &[&args[..], &["--allow=pod-not-admitted"]].concat()).run();
        outcome.expect("failed", 1);
        let cause = cause(&outcome, &kind.to_lowercase());
        assert!(
            cause.contains("FailedCreate: ") && cause.contains("no pods on a Tuesday"),
            "{kind}\n{outcome}"
        );
    }
}

/// jordigilh/kubernaut#199.
#[test]
fn a_deadline_that_passed_before_the_rollback_is_not_its_own() {
    let room = shared().room(1);
    made(&room, "Deployment", "web", 1, None, |object| object["spec"]["progressDeadlineSeconds"] = json!(1));
    room.update("Deployment", "web", &app(2), Some("never-ready"));
    let passed = |object: &Value| {
        let conditions = object["status"]["conditions"].as_array();
        // Once the pod is there nothing counts as progress any more.
        let made = object["status"]["updatedReplicas"] == 1;
        made && conditions.is_some_and(|all| all.iter().any(|it| it["reason"] == "ProgressDeadlineExceeded"))
    };
    wait("the deadline to pass", PATIENCE, || passed(&room.workload("Deployment", "web")).then_some(()));
    // A machine that is busy may take longer than that for the rollback itself; what has passed stays passed.
    let longer = json!({"spec": {"progressDeadlineSeconds": 60}});
    room.cluster().merge(&room.path_of("Deployment", "web"), &longer);
    room.observed("Deployment", "web");
    assert!(passed(&room.workload("Deployment", "web")));
    let outcome = rollback(&room, &["deployment/web", "--last-healthy"]).run();
    outcome.expect("done", 0);
    assert!(room.is_rolled_out("Deployment", "web"), "{outcome}");
}

#[test]
fn a_deadline_that_passes_during_the_rollback_is_a_failure_with_its_cause() {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, Some("never-ready"), |_| ());
    let run = rollback(&room, &["deployment/web", "--to-revision=1", "--fail-after=10m"]).spawn();
    run.wait_for_output("ContainersNotReady");
    let shorter = json!({"spec": {"progressDeadlineSeconds": 2}});
    room.cluster().merge(&room.path_of("Deployment", "web"), &shorter);
    let outcome = run.finish();
    outcome.expect("failed", 1);
    let cause = cause(&outcome, "web");
    for words in ["ContainersNotReady", "no progress within 2s (progressDeadlineSeconds)"] {
        assert!(cause.contains(words), "{outcome}");
    }
}
