//! Somebody else works on the workload while it is rolled back.

use ::testbed::{shared, wait};

use super::{KINDS, PATIENCE, app, cause, released, reported, typed, updated_with_unready_pods};
use crate::plugin::rollback;

#[test]
fn whoever_scales_it_meanwhile_is_followed() {
    let room = shared().room(1);
    for (kind, replicas) in [("Deployment", 3), ("StatefulSet", 1)] {
        updated_with_unready_pods(&room, kind, &kind.to_lowercase(), 2, |_| ());
        let target = typed(kind, &kind.to_lowercase());
        let run = rollback(&room, &[&target, "--to-revision=1"]).spawn();
        run.wait_for_output("updated; waiting for its pods");
        room.kubectl(&["scale", &target, &format!("--replicas={replicas}")]);
        let outcome = released(&room, run);
        outcome.expect("done", 0);
        assert!(room.is_rolled_out(kind, &kind.to_lowercase()), "{outcome}");
        assert_eq!(room.workload(kind, &kind.to_lowercase())["spec"]["replicas"], replicas);
        let ready = reported(&outcome, &kind.to_lowercase())["pods"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|pod| pod["state"] == "ready")
            .count();
        assert_eq!(ready, replicas, "{outcome}");
    }
}

#[test]
fn a_workload_that_is_deleted_meanwhile_is_a_failure_and_is_not_made_again() {
    let room = shared().room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 1, |_| ());
    let run = rollback(&room, &["deployment/web", "--to-revision=1", "--on-failure=restore"]).spawn();
    run.wait_for_output("updated; waiting for its pods");
    room.kubectl(&["delete", "deployment/web", "--wait=false"]);
    let outcome = run.finish();
    outcome.expect("failed", 1);
    assert_eq!(cause(&outcome, "web"), "it was deleted meanwhile");
    wait("it to be gone", PATIENCE, || room.try_kubectl(&["get", "deployment/web"]).err());
}

#[test]
fn whoever_writes_another_template_meanwhile_is_named_and_not_overwritten() {
    let room = shared().room(1);
    for kind in KINDS {
        updated_with_unready_pods(&room, kind, &kind.to_lowercase(), 1, |_| ());
        let target = typed(kind, &kind.to_lowercase());
        let run = rollback(&room, &[&target, "--to-revision=1", "--on-failure=restore"]).spawn();
        run.wait_for_output("updated; waiting for its pods");
        room.set_template_as("argocd-controller", kind, &kind.to_lowercase(), |template| {
            template["spec"]["containers"][0]["image"] = app(9).into();
        });
        let outcome = run.finish();
        outcome.expect("superseded", 4);
        assert!(
            cause(&outcome, &kind.to_lowercase())
                .starts_with("argocd-controller wrote another template at 2"),
            "{outcome}"
        );
        assert_eq!(room.image(kind, &kind.to_lowercase()), app(9), "{outcome}");
    }
}

/// The pods of the restart are waited for: `done` is reported for what runs, and a restart does not revert the template.
#[test]
fn a_concurrent_restart_is_followed_and_nothing_is_restored() {
    let room = shared().room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 1, |_| ());
    let run = rollback(&room, &["deployment/web", "--to-revision=1", "--on-failure=restore"]).spawn();
    run.wait_for_output("updated; waiting for its pods");
    room.kubectl(&["rollout", "restart", "deployment/web"]);
    run.wait_for_output("restarted by kubectl-rollout");
    let outcome = released(&room, run);
    outcome.expect("done", 0);
    assert_eq!(room.image("Deployment", "web"), app(1), "{outcome}");
    assert!(
        room.template("Deployment", "web")["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
            .is_string()
    );
    assert!(room.is_rolled_out("Deployment", "web"), "{outcome}");
}

/// Its own field manager does not identify the writer: a second run, or a colleague's, writes under it as well.
#[test]
fn another_rollback_is_not_taken_for_ones_own() {
    let room = shared().room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 1, |_| ());
    let run = rollback(&room, &["deployment/web", "--to-revision=1"]).spawn();
    run.wait_for_output("updated; waiting for its pods");
    rollback(&room, &["deployment/web", "--to-revision=2", "--no-wait"]).run().expect("done", 0);
    let outcome = run.finish();
    outcome.expect("failed", 1);
    assert!(cause(&outcome, "web").starts_with("reverted by "), "{outcome}");
}
