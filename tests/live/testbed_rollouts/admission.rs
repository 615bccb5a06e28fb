//! What the server changes and refuses on the way in.

use ::testbed::{Room, shared, wait};
use serde_json::json;

use super::PATIENCE;

/// Why the pods of a Deployment are not created, once its status has the reason.
#[track_caller]
fn failure(room: &Room<'_>, name: &str) -> String {
    wait(&format!("{name} to fail to make pods"), PATIENCE, || {
        let status = room.workload("Deployment", name)["status"].take();
        let failure = status["conditions"].as_array()?.iter().find(|it| it["type"] == "ReplicaFailure")?;
        failure["message"].as_str().map(str::to_owned)
    })
}

#[test]
fn a_policy_mutates_templates_until_it_is_lifted() {
    let room = shared().room(0);
    let other = shared().room(0);
    let policy = room.mutate_templates("example.com/added", "by-policy");
    let label = "/spec/template/metadata/labels/example.com~1added";
    assert_eq!(room.deployment("web", 1).pointer(label), Some(&json!("by-policy")));
    assert_eq!(other.deployment("web", 1).pointer(label), None);
    policy.lift();
    assert_eq!(room.daemonset("agent").pointer(label), None);
}

#[test]
fn a_policy_refuses_pods_with_its_message() {
    let room = shared().room(1);
    let policy = room.refuse_pods("pods are \"closed\" today");
    room.deployment("web", 1);
    assert!(failure(&room, "web").contains("pods are \"closed\" today"));
    policy.lift();
    room.pod("late");
    room.ready("late", 1);
}

#[test]
fn pod_security_refuses_and_lets_in() {
    let room = shared().room(1);
    room.enforce_pod_security("restricted");
    room.deployment("web", 1);
    assert!(failure(&room, "web").contains("violates PodSecurity \"restricted:latest\""));
    room.enforce_pod_security("privileged");
    room.pod("well");
    room.ready("well", 1);
}

#[test]
fn a_quota_leaves_room_for_so_many_pods() {
    let room = shared().room(1);
    room.quota("pods", json!({"pods": "1"}));
    room.deployment("web", 2);
    assert!(failure(&room, "web").contains("exceeded quota: pods"));
    room.ready("web", 1);
}
