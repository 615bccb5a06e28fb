use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::events::explain;
use super::*;
use crate::build::{PodBuild, pod};

mod schedule;

const START: &str = "2026-01-01T00:00:10Z";

fn at(second: u32) -> String {
    format!("2026-01-01T00:{:02}:{:02}Z", second / 60, second % 60)
}

/// Bound and not Ready; each case has the states of its containers.
fn starting(statuses: Value) -> Pod {
    pod("shop/web-1", "n1").edit(json!({"status": {
        "phase": "Pending",
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "ContainersReady", "status": "False", "reason": "ContainersNotReady"},
            {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "containers with unready status: [main]"}],
        "containerStatuses": statuses}}))
}

fn container(edit: Value) -> Value {
    let mut value = json!({"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0});
    crate::build::merge(&mut value, edit);
    value
}

/// The scheduler has not found a node for it.
fn unbound(reason: &str, message: &str) -> Pod {
    pod("shop/web-1", "")
        .edit(json!({"spec": {"nodeName": null}, "status": {"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}]}}))
}

fn waiting(reason: &str, message: &str) -> Pod {
    starting(json!([container(json!({"state": {"waiting": {"reason": reason, "message": message}}}))]))
}

fn crashed(restarts: i32, state: Value, last: Value) -> Pod {
    starting(json!([container(json!({"restartCount": restarts, "state": state, "lastState": last}))]))
}

/// Running since `START`, not ready.
fn slow() -> Pod {
    starting(json!([container(json!({"started": true, "state": {"running": {"startedAt": START}}}))]))
        .edit(json!({"status": {"phase": "Running"}}))
}

fn found(pod: &Pod) -> Option<(String, bool)> {
    issue(pod).map(|t| (t.to_string(), t.hard))
}

/// The case, the pod, and the expected issue: text and whether it is hard.
type Case<'a> = (&'a str, Pod, Option<(&'a str, bool)>);

fn check(cases: Vec<Case<'_>>) {
    for (case, pod, expected) in cases {
        assert_eq!(found(&pod), expected.map(|(text, hard)| (text.to_owned(), hard)), "{case}");
    }
}

#[test]
fn what_waits_has_a_reason_and_may_be_recoverable() {
    let pull =
        "rpc error: code = NotFound desc = failed to pull and unpack image \"r/x:9\": r/x:9: not found";
    let backed_off = format!("Back-off pulling image \"r/x:9\": ErrImagePull: {pull}");
    let denied = "Back-off pulling image \"r/x\": ErrImagePull: https://bob:s3cret@r/v2/: 403 Forbidden";
    let crio = "Back-off pulling image \"x\": ErrImagePull: reading manifest 9 in docker.io/library/x: manifest unknown";
    let no_host = "Back-off pulling image \"x\": ErrImagePull: dial tcp: lookup r: no such host";
    let root =
        "container has runAsNonRoot and image will run as root (pod: \"web-1_shop(u)\", container: main)";
    let hard = |text: &str| Some((text.to_owned(), true));
    let soft = |text: &str| Some((text.to_owned(), false));
    let in_main = |reason: &str, message: &str| format!("{reason} in container main: {message}");
    for (reason, message, expected) in [
        ("ContainerCreating", "", None),
        ("PodInitializing", "", None),
        ("ErrImagePull", pull, soft(&in_main("ErrImagePull", pull))),
        ("ImagePullBackOff", &backed_off, hard(&in_main("ImagePullBackOff", &backed_off))),
        ("ImagePullBackOff", crio, hard(&in_main("ImagePullBackOff", crio))),
        ("ImagePullBackOff", no_host, soft(&in_main("ImagePullBackOff", no_host))),
        ("ImagePullBackOff", denied, soft(&in_main("ImagePullBackOff", &denied.replace("bob:s3cret@", "")))),
        // Before 1.32 the back-off has no reason.
        (
            "ImagePullBackOff",
            "Back-off pulling image \"x\"",
            soft("ImagePullBackOff in container main: Back-off pulling image \"x\""),
        ),
        ("InvalidImageName", "couldn't parse", hard("InvalidImageName in container main: couldn't parse")),
        ("ErrImageNeverPull", "", hard("ErrImageNeverPull in container main")),
        (
            "CreateContainerConfigError",
            "configmap \"app\" not found",
            soft("CreateContainerConfigError in container main: configmap \"app\" not found"),
        ),
        ("CreateContainerConfigError", root, hard(&in_main("CreateContainerConfigError", root))),
        (
            "CreateContainerError",
            "name is in use",
            soft("CreateContainerError in container main: name is in use"),
        ),
        ("RunContainerError", "no such file", soft("RunContainerError in container main: no such file")),
    ] {
        assert_eq!(found(&waiting(reason, message)), expected, "{reason}: {message}");
    }
}

#[test]
fn a_crash_counts_from_the_second_on() {
    let ended = |code: i32, reason: &str| json!({"terminated": {"exitCode": code, "reason": reason}});
    let back_off = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}});
    let running = json!({"running": {"startedAt": START}});
    let start_error = json!({"terminated": {"exitCode": 128, "reason": "StartError", "message": "exec: \"shop\": executable file not found in $PATH"}});
    check(vec![
        (
            "backing off",
            crashed(5, back_off.clone(), ended(1, "Error")),
            Some(("CrashLoopBackOff in container main: exit code 1, 5 restarts", false)),
        ),
        (
            "out of memory",
            crashed(2, back_off.clone(), ended(137, "OOMKilled")),
            Some(("CrashLoopBackOff in container main: exit code 137 (OOMKilled), 2 restarts", false)),
        ),
        (
            "only the kubelet's message",
            crashed(3, back_off.clone(), json!({})),
            Some(("CrashLoopBackOff in container main: back-off 40s restarting failed container", false)),
        ),
        (
            "could not be started",
            crashed(1, back_off, start_error),
            Some((
                "CrashLoopBackOff in container main: exit code 128 (StartError), 1 restart: exec: \"shop\": executable file not found in $PATH",
                false,
            )),
        ),
        (
            "running again, once",
            crashed(1, running.clone(), ended(1, "Error")),
            Some(("ContainersNotReady in container main: containers with unready status: [main]", false)),
        ),
        (
            "running again, twice",
            crashed(2, running, ended(1, "Error")),
            Some(("Error in container main: exit code 1, 2 restarts", false)),
        ),
        ("just ended, once", crashed(1, ended(1, "Error"), json!({})), None),
        (
            "just ended, thrice",
            crashed(3, ended(137, "OOMKilled"), ended(1, "Error")),
            Some(("OOMKilled in container main: exit code 137, 3 restarts", false)),
        ),
    ]);
    let found =
        issue(&crashed(5, json!({"waiting": {"reason": "CrashLoopBackOff"}}), ended(137, "OOMKilled")))
            .unwrap();
    assert_eq!(
        (found.exit_code, found.restarts, found.is_crash(), found.family()),
        (Some(137), 5, true, "crash")
    );
    // One that recovered is no issue, however often it fell before.
    let recovered = pod("shop/web-1", "n1").edit(
        json!({"status": {"containerStatuses": [container(json!({"restartCount": 9, "ready": true}))]}}),
    );
    assert_eq!(issue(&recovered), None);
}

#[test]
fn init_containers_come_first_and_the_unrecoverable_before_all() {
    let back_off =
        |name: &str| container(json!({"name": name, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}));
    let invalid = container(json!({"state": {"waiting": {"reason": "InvalidImageName"}}}));
    let done = container(
        json!({"name": "init", "restartCount": 2, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}),
    );
    let init = |statuses: Value, others: Value| {
        starting(others).edit(json!({"status": {"initContainerStatuses": statuses}}))
    };
    check(vec![
        (
            "init",
            init(json!([back_off("init")]), json!([back_off("main")])),
            Some(("CrashLoopBackOff in container init", false)),
        ),
        (
            "unrecoverable",
            init(json!([back_off("init")]), json!([invalid])),
            Some(("InvalidImageName in container main", true)),
        ),
        ("init done", init(json!([done]), json!([])), None),
    ]);
}

#[test]
fn a_pod_without_a_node_has_the_schedulers_message() {
    let words = "0/3 nodes are available: 3 Insufficient cpu.";
    check(vec![
        (
            "no room",
            unbound("Unschedulable", words),
            Some(("Unschedulable: 0/3 nodes are available: 3 Insufficient cpu", false)),
        ),
        ("gates", unbound("SchedulingGated", "gated"), Some(("SchedulingGated: gated", false))),
        (
            "just made",
            pod("shop/web-1", "").edit(json!({"status": {"phase": "Pending", "conditions": []}})),
            None,
        ),
    ]);
}

#[test]
fn not_ready_is_a_fault_once_its_probes_had_their_time() {
    let since = issue(&slow()).unwrap();
    assert_eq!(
        (since.reason.as_str(), since.not_before),
        (CONTAINERS_NOT_READY, Some(START.parse().unwrap()))
    );
    let probed = slow()
        .edit(json!({"spec": {"containers": [{"name": "main", "readinessProbe": {"periodSeconds": 10}}]}}));
    assert_eq!(issue(&probed).unwrap().not_before, Some("2026-01-01T00:00:37Z".parse().unwrap()));
    let main = |edit: Value| slow().edit(json!({"status": {"containerStatuses": [container(edit)]}}));
    check(vec![
        ("its startup probe goes on", main(json!({"started": false, "state": {"running": {"startedAt": START}}})), None),
        ("being made", main(json!({"state": {"waiting": {"reason": "ContainerCreating"}}})), None),
        ("no status yet", slow().edit(json!({"status": {"containerStatuses": []}})), None),
        (
            "a readiness gate",
            slow().edit(json!({"status": {"conditions": [
                {"type": "ContainersReady", "status": "True"},
                {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": "corresponding condition of pod readiness gate \"x\" does not exist."}]}})),
            Some(("ReadinessGatesNotReady: corresponding condition of pod readiness gate \"x\" does not exist", false)),
        ),
    ]);
    // A sidecar is an init container that stays; another init container that is done does not count.
    let init = |policy: Value| {
        slow().edit(json!({"spec": {"initContainers": [{"name": "proxy", "restartPolicy": policy}]}, "status": {
            "containerStatuses": [container(json!({"ready": true, "state": {"running": {"startedAt": START}}}))],
            "initContainerStatuses": [container(json!({"name": "proxy", "started": true, "state": {"running": {"startedAt": START}}}))]}}))
    };
    assert_eq!(issue(&init(json!("Always"))).unwrap().container.as_deref(), Some("proxy"));
    assert_eq!(issue(&init(json!(null))), None);
}

#[test]
fn a_lost_node_a_failed_pod_and_one_that_goes() {
    let marked = |ready: Value| {
        pod("shop/web-1", "n1")
            .edit(json!({"status": {"conditions": [{"type": "ContainersReady", "status": "True"}, ready]}}))
    };
    let lost = marked(json!({"type": "Ready", "status": "False"}));
    let failed = |reason: Value, message: Value| {
        pod("shop/web-1", "n1").edit(json!({"status": {"phase": "Failed", "reason": reason, "message": message, "conditions": [],
            "containerStatuses": [container(json!({"state": {"terminated": {"exitCode": 3, "reason": "Error"}}}))]}}))
    };
    check(vec![
        ("marked by the node controller", lost.clone(), Some(("NodeLost: node n1 is unresponsive", false))),
        ("and deleted since", lost.deleted(START), Some(("NodeLost: node n1 is unresponsive", false))),
        (
            "the kubelet's own",
            marked(json!({"type": "Ready", "status": "False", "reason": "ContainersNotReady"})),
            None,
        ),
        ("ready", marked(json!({"type": "Ready", "status": "True"})), None),
        (
            "evicted",
            failed(json!("Evicted"), json!("The node was low on resource: memory.")),
            Some(("Evicted: The node was low on resource: memory", false)),
        ),
        (
            "past its deadline",
            failed(
                json!("DeadlineExceeded"),
                json!("Pod was active on the node longer than the specified deadline"),
            ),
            Some(("DeadlineExceeded: Pod was active on the node longer than the specified deadline", false)),
        ),
        (
            "ended by itself",
            failed(json!(null), json!(null)),
            Some(("Error in container main: exit code 3", false)),
        ),
        ("done", pod("shop/web-1", "n1").phase("Succeeded"), None),
        ("crashing while it is deleted", waiting("CrashLoopBackOff", "").deleted(START), None),
    ]);
}

#[test]
fn events_explain_what_no_status_does() {
    let about = |uid: &str, reason: &str, second: u32, more: Value| {
        let mut event = json!({"reason": reason, "type": "Warning", "regarding": {"kind": "Pod", "uid": uid},
            "deprecatedLastTimestamp": at(second), "note": format!("{reason} has this message")});
        crate::build::merge(&mut event, more);
        event
    };
    let event = |reason: &str, second: u32| about("uid-web-1", reason, second, json!({}));
    let unhealthy = |second: u32| {
        about(
            "uid-web-1",
            "Unhealthy",
            second,
            json!({"note": "Readiness probe failed: HTTP probe failed with statuscode: 503",
            "regarding": {"fieldPath": "spec.containers{main}"}}),
        )
    };
    let creating = waiting("ContainerCreating", "");
    let cases: Vec<(&str, Pod, Vec<Value>, Option<&str>)> = vec![
        (
            "a volume",
            creating.clone(),
            vec![event("FailedMount", 20)],
            Some("FailedMount: FailedMount has this message"),
        ),
        (
            "the newest",
            creating.clone(),
            vec![event("FailedMount", 30), event("FailedAttachVolume", 20)],
            Some("FailedMount: FailedMount has this message"),
        ),
        ("another pod's", creating.clone(), vec![about("uid-web-2", "FailedMount", 20, json!({}))], None),
        ("mounted since", creating.clone(), vec![event("FailedMount", 20), event("Pulling", 21)], None),
        (
            "pulled before",
            creating.clone(),
            vec![event("FailedMount", 20), event("Pulling", 19)],
            Some("FailedMount: FailedMount has this message"),
        ),
        (
            "started since",
            slow(),
            vec![event("FailedMount", 5)],
            Some("ContainersNotReady in container main: containers with unready status: [main]"),
        ),
        ("nothing that counts", creating, vec![event("Scheduled", 20)], None),
        (
            "a probe",
            slow(),
            vec![unhealthy(20)],
            Some(
                "Unhealthy in container main: Readiness probe failed: HTTP probe failed with statuscode: 503",
            ),
        ),
        (
            "a probe of the run before",
            slow(),
            vec![unhealthy(5)],
            Some("ContainersNotReady in container main: containers with unready status: [main]"),
        ),
        ("a ready pod", pod("shop/web-1", "n1"), vec![event("FailedMount", 20)], None),
        (
            "its status is more precise",
            waiting("CreateContainerError", "x"),
            vec![event("FailedMount", 20)],
            Some("CreateContainerError in container main: x"),
        ),
    ];
    for (case, pod, events, expected) in cases {
        assert_eq!(explain(&pod, &events).map(|t| t.to_string()).as_deref(), expected, "{case}");
    }
    assert_eq!(explain(&slow(), &[unhealthy(20)]).unwrap().not_before, Some(START.parse().unwrap()));
}

#[test]
fn the_reason_of_a_pod_that_is_not_ready_is_the_servers_own() {
    let reason = |pod: &Pod| not_ready_reason(pod);
    assert_eq!(reason(&pod("a/b", "n")), None);
    assert_eq!(reason(&pod("a/b", "n").waiting("CrashLoopBackOff")).as_deref(), Some("CrashLoopBackOff"));
    assert_eq!(reason(&pod("a/b", "n").waiting("ContainerCreating")).as_deref(), Some(NOT_READY));
}
