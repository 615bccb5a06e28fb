//! Pods that take their time to go, or never do.

use ::testbed::{shared, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{PATIENCE, end_all_on, endless, terminating};
use crate::plugin::{drain, text};

/// A StatefulSet whose one pod has a finalizer.
fn pod_with_finalizer(room: &::testbed::Room<'_>) {
    room.statefulset_with("db", 1, |db| {
        let template = &mut db["spec"]["template"];
        template["metadata"]["finalizers"] = json!(["example.com/backup"]);
        template["spec"]["terminationGracePeriodSeconds"] = json!(1);
    });
    room.ready("db", 1);
}

fn remove_finalizer(room: &::testbed::Room<'_>) {
    let path = room.path("", "pods/db-0");
    room.cluster().merge(&path, &json!({"metadata": {"finalizers": null}}));
}

#[test]
fn a_pod_blocked_by_a_finalizer_is_named_at_the_timeout() {
    let room = shared().room(1);
    pod_with_finalizer(&room);
    let (outcome, _) = drain(&room, &[&room.nodes()[0], "--timeout=15s"]).watched();
    remove_finalizer(&room);
    outcome.expect("timeout", 124);
    let pod = &outcome.pods()[0];
    assert_eq!((text(pod, "name"), text(pod, "result")), ("db-0", "terminating"), "{outcome}");
    assert!(text(pod, "blockedBy").contains("finalizer example.com/backup"), "{outcome}");
}

#[test]
fn skip_wait_for_delete_timeout_leaves_a_stuck_pod_behind() {
    let room = shared().room(1);
    pod_with_finalizer(&room);
    room.cluster().delete(&room.path("", "pods/db-0"));
    let (outcome, _) = drain(&room, &[&room.nodes()[0], "--skip-wait-for-delete-timeout=1"]).watched();
    remove_finalizer(&room);
    outcome.expect("drained", 0);
    let pod = &outcome.pods()[0];
    assert!(text(pod, "reason").contains("--skip-wait-for-delete-timeout"), "{outcome}");
}

#[test]
fn a_namespace_that_is_being_deleted_is_waited_for() {
    let room = shared().room(1);
    endless(&room, "web", 3);
    let node = room.nodes()[0].as_str();
    let run = drain(&room, &[node]).watch();
    wait("the pods to stop", PATIENCE, || (terminating(&room, node) == 3).then_some(()));
    room.cluster().delete(&format!("/api/v1/namespaces/{}", room.namespace()));
    end_all_on(&room, node);
    let (outcome, _, audit) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!((outcome.count("gone"), audit.evictions().len()), (3, 3));
}

/// Its pods are evicted by the namespace controller, and the plugin gets "is being terminated" or a pod that is already terminating.
#[test]
fn a_namespace_that_is_deleted_under_a_blocked_drain_frees_it() {
    let room = shared().room(1);
    room.deployment("web", 2);
    room.ready("web", 2);
    room.pod_with("unhealthy", |pod| {
        pod["metadata"]["labels"]["app"] = json!("web");
        ::testbed::annotate(pod, "testbed/failure", "never-ready");
    });
    room.budget("web", "web", json!({"minAvailable": 2}));
    let path = room.path("policy", "poddisruptionbudgets/web");
    wait("the budget to be spent", PATIENCE, || {
        let status = &room.cluster().get(&path)["status"];
        (status["expectedPods"] == 3 && status["currentHealthy"] == 2).then_some(())
    });
    let run = drain(&room, &[&room.nodes()[0], "--force"]).watch();
    run.wait_for_output("blocked by PDB");
    room.cluster().delete(&format!("/api/v1/namespaces/{}", room.namespace()));
    let (outcome, _, _) = run.finish_but_for_budgets();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 3, "{outcome}");
}

#[test]
fn a_pod_that_somebody_else_deletes_is_reported_and_not_evicted() {
    let room = shared().room(2);
    endless(&room, "web", 1);
    room.budget("web", "web", json!({"minAvailable": 2}));
    room.pod_with("unhealthy", |pod| {
        pod["metadata"]["labels"]["app"] = json!("web");
        pod["spec"]["nodeName"] = json!(room.nodes()[1]);
        ::testbed::annotate(pod, "testbed/failure", "never-ready");
    });
    let path = room.path("policy", "poddisruptionbudgets/web");
    wait("the budget to be spent", PATIENCE, || {
        let status = &room.cluster().get(&path)["status"];
        (status["expectedPods"] == 3 && status["currentHealthy"] == 2).then_some(())
    });
    let node = room.nodes()[0].as_str();
    let pods = room.pods_on(node);
    let name = |pod: &Value| text(&pod["metadata"], "name").to_owned();
    let run = drain(&room, &[node]).watch();
    run.wait_for_output("blocked by PDB");
    room.cluster().delete(&room.path("", &format!("pods/{}", name(&pods[0]))));
    run.wait_for_output("was deleted by someone else");
    run.signal(Signal::INT);
    let (outcome, _, _) = run.finish_but_for_budgets();
    outcome.expect("interrupted", 130);
    assert_eq!(outcome.count("terminating"), 1, "{outcome}");
    end_all_on(&room, node);
}
