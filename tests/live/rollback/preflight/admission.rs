//! How the server answers the template and a pod made from it: checked before anything is written.

use ::testbed::{PATIENCE, shared, wait};
use serde_json::json;

use super::{app, back, expect_finding, expect_no_finding, plan, refused, two_templates};
use crate::plugin::{rollback, text};

#[test]
fn pods_that_pod_security_would_refuse_are_refused_in_the_plan_with_its_message() {
    let room = shared().room(1);
    two_templates(&room, "web", |_| ());
    room.rolled_out("Deployment", "web");
    room.enforce_pod_security("restricted");
    let outcome = refused(&room, "web", &[]);
    let found =
        expect_finding(&outcome, "pod-not-admitted", "error", "violates PodSecurity \"restricted:latest\"");
    assert!(text(&found, "message").contains("runAsNonRoot"), "{found:#}");

    // If it is accepted, the predicted failure occurs, with its cause.
    let outcome =
        back(&room, "web", &["--allow=pod-not-admitted", "--fail-after=1s", "--on-failure=restore"]);
    outcome.expect("restored", 1);
    let accepted = outcome.finding("pod-not-admitted");
    assert_eq!(text(&accepted, "accepted"), "--allow pod-not-admitted");
    let cause = text(&outcome.report()["workloads"][0], "cause").to_owned();
    assert!(cause.contains("violates PodSecurity"), "{cause}\n{outcome}");
    assert_eq!(room.image("Deployment", "web"), app(2));

    room.enforce_pod_security("privileged");
    let outcome = back(&room, "web", &[]);
    outcome.expect("done", 0);
    expect_no_finding(&outcome, &["pod-not-admitted"]);
}

#[test]
fn pods_that_a_policy_would_refuse_are_refused_in_the_plan_with_its_message() {
    let room = shared().room(1);
    two_templates(&room, "web", |_| ());
    let policy = room.refuse_pods("no pods before lunch");
    let outcome = refused(&room, "web", &[]);
    expect_finding(&outcome, "pod-not-admitted", "error", "no pods before lunch");
    assert!(outcome.err.contains("no pods before lunch"), "{outcome}");
    policy.lift();
    back(&room, "web", &[]).expect("done", 0);
}

#[test]
fn a_quota_without_room_for_the_surge_is_an_error_and_with_too_little_a_warning() {
    let room = shared().room(1);
    let plain = room.manifest("Deployment", "web", |_| ())["spec"]["template"].take();
    room.deployment_with("web", 4, |web| {
        let careful = json!({"maxSurge": 2, "maxUnavailable": 0});
        web["spec"]["strategy"] = json!({"type": "RollingUpdate", "rollingUpdate": careful});
    });
    room.rolled_out("Deployment", "web");
    room.set_template("Deployment", "web", |template| {
        *template = plain;
        template["spec"]["containers"][0]["image"] = json!(app(2));
    });
    room.observed("Deployment", "web");
    room.rolled_out("Deployment", "web");
    room.ready("web", 4);
    room.quota("pods", json!({"pods": "4"}));
    used(&room, "4");
    let outcome = refused(&room, "web", &[]);
    expect_finding(
        &outcome,
        "quota-no-room",
        "error",
        "no more pods are allowed by quota pods: pods is at 4 of 4",
    );
    expect_finding(&outcome, "pod-not-admitted", "error", "exceeded quota: pods");

    raise(&room, "5");
    let outcome = plan(&room, "web");
    outcome.expect("planned", 0);
    expect_finding(
        &outcome,
        "quota-slows-down",
        "warning",
        "1 instead of 2 pods at a time are allowed by quota pods",
    );
    raise(&room, "3");
    let outcome = refused(&room, "web", &["--allow=pod-not-admitted"]);
    expect_finding(&outcome, "quota-no-room", "error", "can never run all of its 4 pods: quota pods");
    raise(&room, "6");
    let outcome = back(&room, "web", &[]);
    outcome.expect("done", 0);
    expect_no_finding(&outcome, &["quota-no-room", "quota-slows-down", "pod-not-admitted"]);
}

fn used(room: &::testbed::Room<'_>, pods: &str) {
    let path = room.path_of("ResourceQuota", "pods");
    wait(&format!("the quota to count {pods}"), PATIENCE, || {
        (room.cluster().get(&path)["status"]["used"]["pods"] == *pods).then_some(())
    });
}

fn raise(room: &::testbed::Room<'_>, pods: &str) {
    let path = room.path_of("ResourceQuota", "pods");
    room.cluster().merge(&path, &json!({"spec": {"hard": {"pods": pods}}}));
    wait(&format!("the quota to be {pods}"), PATIENCE, || {
        (room.cluster().get(&path)["status"]["hard"]["pods"] == *pods).then_some(())
    });
}

#[test]
fn server_side_changes_to_the_template_are_reported_in_the_plan() {
    let room = shared().room(1);
    two_templates(&room, "web", |_| ());
    let _policy = room.mutate_templates("injected", "yes");
    let outcome = plan(&room, "web");
    outcome.expect("planned", 0);
    expect_finding(&outcome, "template-mutated", "warning", "metadata.labels.injected");
    // With --dry-run=client the server is not asked, and that is reported.
    let blind = back(&room, "web", &["--dry-run=client"]);
    expect_no_finding(&blind, &["template-mutated"]);
    expect_finding(&blind, "template-not-checked", "unknown", "--dry-run=client");
    let outcome = back(&room, "web", &[]);
    outcome.expect("done", 0);
    let label = room.template("Deployment", "web")["metadata"]["labels"]["injected"].take();
    assert_eq!(label, "yes", "{outcome}");
}

/// Only ControllerRevisions can contain a template that the server refuses: their data is not validated.
#[test]
fn a_revision_whose_template_the_server_refuses_is_refused_with_its_message() {
    let room = shared().room(1);
    room.statefulset("db", 1);
    room.observed("StatefulSet", "db");
    room.update("StatefulSet", "db", &app(2), None);
    room.observed("StatefulSet", "db");
    let (_, mut first) = room.revisions("StatefulSet", "db").remove(0);
    room.cluster().delete(&room.path_of("ControllerRevision", text(&first["metadata"], "name")));
    // Items of a list have no kind.
    first["kind"] = json!("ControllerRevision");
    first["metadata"]["name"] = json!("db-forged");
    for server_set in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
        first["metadata"][server_set] = json!(null);
    }
    first["data"]["spec"]["template"]["spec"]["containers"] = json!([]);
    room.apply(first);
    let mark = room.cluster().audit_mark();
    let outcome = rollback(&room, &["statefulset/db", "--to-revision=1"]).run();
    outcome.expect("refused", 3);
    expect_finding(&outcome, "template-refused", "error", "spec.template.spec.containers: Required value");
    let outcome = rollback(&room, &["statefulset/db", "--to-revision=1", "--allow=all"]).run();
    outcome.expect("failed", 1);
    let cause = text(&outcome.report()["workloads"][0], "cause").to_owned();
    assert!(cause.contains("Required value") && cause.contains("nothing was written"), "{cause}");
    let changed = room.writes(mark, "kubectl-rollback-to").changes().filter(|entry| entry.accepted());
    assert!(changed.is_empty(), "{changed}{outcome}");
    assert_eq!(room.image("StatefulSet", "db"), app(2));
}
