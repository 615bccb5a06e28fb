//! Pods that end badly, as kubelets report them, and the logs of their containers.

use ::testbed::{Room, Watcher, annotate, shared, wait};
use serde_json::{Value, json};

use super::PATIENCE;

fn pod_of(room: &Room<'_>, failure: &str, edit: impl FnOnce(&mut Value)) {
    room.pod_with(failure, |pod| {
        annotate(pod, "testbed/failure", failure);
        edit(pod);
    });
}

/// The status of the one container of a pod, once it is as expected.
#[track_caller]
fn container(room: &Room<'_>, pod: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let path = room.path_of("Pod", pod);
    wait(&format!("the failure of {pod}"), PATIENCE, || {
        let pod = room.cluster().get(&path);
        pod.pointer("/status/containerStatuses/0").filter(|it| wanted(it)).cloned()
    })
}

#[test]
fn a_missing_configmap_is_named_as_the_kubelet_names_it() {
    let room = shared().room(1);
    pod_of(&room, "config-error", |pod| {
        pod["spec"]["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
    });
    let waiting =
        json!({"reason": "CreateContainerConfigError", "message": "configmap \"settings\" not found"});
    container(&room, "config-error", |it| it["state"]["waiting"] == waiting);
    let events = room.cluster().list(&room.path_of("Event", ""));
    let message = json!("Error: configmap \"settings\" not found");
    assert!(
        events.iter().any(|event| event["message"] == message && event["reason"] == "Failed"),
        "{events:#?}"
    );
    // As with a real kubelet, there are no logs of a container that never ran.
    assert!(room.try_kubectl(&["logs", "config-error"]).is_err());
}

#[test]
fn crashed_containers_have_logs_and_others_have_none() {
    let room = shared().room(1);
    pod_of(&room, "crash-loop", |_| ());
    pod_of(&room, "oom", |_| ());
    room.pod("well");
    room.ready("well", 1);

    let ended = |it: &Value| it["lastState"]["terminated"].is_object();
    let killed = container(&room, "oom", ended)["lastState"]["terminated"].take();
    assert_eq!((&killed["reason"], &killed["exitCode"]), (&json!("OOMKilled"), &json!(137)));
    let crashed = container(&room, "crash-loop", ended)["lastState"]["terminated"].take();
    assert_eq!((&crashed["reason"], &crashed["exitCode"]), (&json!("Error"), &json!(1)));

    // As with a real kubelet, they may come a moment after the status.
    let previous = |pod: &str| {
        let logs = ["logs", pod, "--previous"];
        wait(&format!("the logs of {pod}"), PATIENCE, || room.try_kubectl(&logs).ok())
    };
    assert_eq!(previous("crash-loop"), "starting\nconnecting to db:5432\npanic: cannot reach db:5432\n");
    assert!(previous("oom").ends_with("2048 MiB used\n"));
    let last = room.kubectl(&["logs", "crash-loop", "--previous", "--tail=1", "--timestamps"]);
    assert_eq!(last, "2026-01-01T00:00:02.000000000Z panic: cannot reach db:5432\n");
    let refused = room.try_kubectl(&["logs", "well", "--previous"]).unwrap_err();
    assert!(refused.contains("no logs found for container \"main\""), "{refused}");
}

#[test]
fn a_flapping_pod_is_ready_not_ready_and_ready_again() {
    let room = shared().room(1);
    let watcher = Watcher::start(shared(), &room);
    pod_of(&room, "flapping", |_| ());
    let condition = |pod: &Value, kind: &str| {
        let all = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .find(|it| it["type"] == *kind)
            .map(|it| it["status"] == "True" && it["reason"].is_null())
    };
    let path = room.path_of("Pod", "flapping");
    wait("the pod to have flapped", PATIENCE, || {
        let pod = room.cluster().get(&path);
        (condition(&pod, "testbed/flapped") == Some(true) && condition(&pod, "Ready") == Some(true))
            .then_some(())
    });
    let record = watcher.finish();
    let mut seen: Vec<bool> =
        record.of("Pod", "flapping").filter_map(|event| condition(&event.object, "Ready")).collect();
    seen.dedup();
    assert_eq!(seen, [true, false, true]);
}
