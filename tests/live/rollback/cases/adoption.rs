//! `test/integration/deployment`: whose a ReplicaSet is, scaled rollouts, and pods that take their time to go.

use ::testbed::{annotate, shared, wait};
use serde_json::{Value, json};

use super::{PATIENCE, app, broken, images, pods, updated};
use crate::plugin::{rollback, rollback_to};

/// The numbers that the history shows.
#[track_caller]
fn numbers(room: &::testbed::Room<'_>, word: &str) -> Vec<i64> {
    let outcome = rollback_to(room, &[word, "--history", "-o", "json"]).run();
    let revisions = outcome.report()["workloads"][0]["revisions"].take();
    revisions.as_array().unwrap().iter().filter_map(|it| it["revision"].as_i64()).collect()
}

/// TestReplicaSetOrphaningAndAdoptionWhenLabelsChange.
#[test]
fn a_replicaset_that_was_let_go_is_no_revision_until_it_is_adopted_again() {
    let room = shared().room(1);
    room.deployment("web", 1);
    room.rolled_out("Deployment", "web");
    updated(&room, "Deployment", "web", 2);
    let (_, first) = room.revisions("Deployment", "web").remove(0);
    let path = room.path_of("ReplicaSet", first["metadata"]["name"].as_str().unwrap());
    let owner = || room.cluster().get(&path)["metadata"]["ownerReferences"].take();
    let label = |value: &str| json!({"metadata": {"labels": {"app": value}}});

    room.cluster().merge(&path, &label("nobody"));
    wait("the ReplicaSet to be let go", PATIENCE, || owner().is_null().then_some(()));
    assert_eq!(numbers(&room, "deployment/web"), [2]);
    let outcome = rollback(&room, &["deployment/web", "--to-revision=1"]).run();
    outcome.expect("refused", 3);
    assert!(room.try_kubectl(&["rollout", "undo", "deployment/web", "--to-revision=1"]).is_err());

    room.cluster().merge(&path, &label("web"));
    wait("the ReplicaSet to be adopted", PATIENCE, || owner().is_array().then_some(()));
    assert_eq!(numbers(&room, "deployment/web"), [1, 2]);
    rollback(&room, &["deployment/web", "--to-revision=1"]).run().expect("done", 0);
    assert_eq!(room.image("Deployment", "web"), app(1));
}

/// TestOverlappingDeployments: another's ReplicaSets and pods have the same labels.
#[test]
fn what_others_with_the_same_labels_have_is_not_taken_for_its_own() {
    let room = shared().room(1);
    room.deployment("web", 1);
    let alike = |object: &mut Value| {
        object["spec"]["selector"] = json!({"matchLabels": {"app": "web"}});
        object["spec"]["template"]["metadata"]["labels"] = json!({"app": "web", "of": "other"});
        object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(app(7));
        annotate(object, "testbed/failure", "image-pull-error");
    };
    room.deployment_with("other", 1, alike);
    room.rolled_out("Deployment", "web");
    room.observed("Deployment", "other");
    broken(&room, "web", &app(7));
    updated(&room, "Deployment", "web", 2);
    room.update("Deployment", "other", &app(8), Some("image-pull-error"));
    room.observed("Deployment", "other");

    assert_eq!(numbers(&room, "deployment/web"), [1, 2]);
    let outcome = rollback(&room, &["deployment/web", "--previous", "--fail-after=0s"]).run();
    outcome.expect("done", 0);
    // Nobody else's pod is shown, broken as it is.
    let pods = outcome.report()["workloads"][0]["pods"].take();
    assert!(pods.as_array().unwrap().iter().all(|pod| pod["state"] != "failing"), "{outcome}");
    assert_eq!((room.image("Deployment", "web"), room.image("Deployment", "other")), (app(1), app(8)));
}

/// TestScaledRolloutDeployment: scaled while the bad version is stuck, so that both ReplicaSets grew.
#[test]
fn a_deployment_that_was_scaled_in_the_middle_of_a_bad_rollout_goes_back_with_the_new_size() {
    let room = shared().room(1);
    room.deployment("web", 3);
    room.rolled_out("Deployment", "web");
    room.update("Deployment", "web", &app(2), Some("image-pull-error"));
    broken(&room, "web", &app(2));
    room.cluster().merge(&room.path_of("Deployment", "web"), &json!({"spec": {"replicas": 6}}));
    wait("both to be scaled", PATIENCE, || {
        let of = |image: String| images(&room, "web").iter().filter(|it| **it == image).count();
        (of(app(1)) > 3 && of(app(1)) + of(app(2)) > 6).then_some(())
    });
    rollback(&room, &["deployment/web", "--previous"]).run().expect("done", 0);
    room.rolled_out("Deployment", "web");
    assert_eq!(room.workload("Deployment", "web")["spec"]["replicas"], 6);
    room.ready("web", 6);
    assert_eq!(images(&room, "web"), vec![app(1); 6]);
}

/// And while it is being rolled back.
#[test]
fn a_deployment_that_is_scaled_while_it_is_rolled_back_ends_with_both() {
    let room = shared().room(1);
    room.deployment_with("web", 2, |web| annotate(web, "testbed/ready-after", "1s"));
    room.rolled_out("Deployment", "web");
    updated(&room, "Deployment", "web", 2);
    let running = rollback(&room, &["deployment/web", "--previous"]).spawn();
    wait("the write", PATIENCE, || (room.image("Deployment", "web") == app(1)).then_some(()));
    room.cluster().merge(&room.path_of("Deployment", "web"), &json!({"spec": {"replicas": 4}}));
    running.finish().expect("done", 0);
    room.rolled_out("Deployment", "web");
    room.ready("web", 4);
    assert_eq!(images(&room, "web"), vec![app(1); 4]);
}

/// TestTerminatingReplicasDeploymentStatus: pods that are stopping do not delay it, and are reported.
#[test]
fn slow_terminating_pods_are_reported_and_not_waited_for() {
    let room = shared().room(1);
    room.deployment("web", 2);
    room.rolled_out("Deployment", "web");
    room.set_template("Deployment", "web", |template| {
        template["spec"]["containers"][0]["image"] = json!(app(2));
        template["metadata"]["annotations"]["testbed/failure"] = json!("stuck-terminating");
    });
    room.rolled_out("Deployment", "web");
    let outcome = rollback(&room, &["deployment/web", "--previous"]).run();
    outcome.expect("done", 0);
    let reported = outcome.report()["workloads"][0]["pods"].take();
    let of = |state: &str| reported.as_array().unwrap().iter().filter(|pod| pod["state"] == state).count();
    assert_eq!((of("ready"), of("old")), (2, 0), "{outcome}");
    let stopping = room.pods().iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_string()).count();
    assert_eq!((stopping, pods(&room, "web").len()), (2, 2));
}
