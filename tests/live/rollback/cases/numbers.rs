//! `test/cmd/apps.sh`: revisions and their numbers before and after.

use ::testbed::shared;

use super::{KINDS, app, one_of_each, updated};
use crate::plugin::{rollback, rollback_to};

/// `Check the annotations of replicasets are correctly rolled back`: after three undos, `revision-history: 1,3`.
#[test]
fn numbers_given_up_are_kept_at_the_replicaset_and_shown() {
    let room = shared().room(1);
    room.deployment("web", 1);
    room.rolled_out("Deployment", "web");
    updated(&room, "Deployment", "web", 2);
    for _ in 0..3 {
        rollback(&room, &["deployment/web", "--previous"]).run().expect("done", 0);
    }
    let (number, replicaset) = room.observed("Deployment", "web");
    assert_eq!((number, room.image("Deployment", "web")), (5, app(1)));
    assert_eq!(replicaset["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"], "1,3");

    let outcome = rollback_to(&room, &["deployment/web", "--history", "-o", "json"]).run();
    let newest = outcome.report()["workloads"][0]["revisions"][1].take();
    assert_eq!((&newest["revision"], &newest["alsoKnownAs"]), (&5.into(), &vec![1, 3].into()), "{outcome}");
    // kubectl: "desired revision (3) is different from the running revision (5)". Here it is the same one.
    let status = room.try_kubectl(&["rollout", "status", "deployment/web", "--revision=3"]).unwrap_err();
    assert!(status.contains("different from the running revision (5)"), "{status}");
    rollback(&room, &["deployment/web", "3"]).run().expect("unchanged", 0);
    // The other one has two names as well.
    rollback(&room, &["deployment/web", "2"]).run().expect("done", 0);
    assert_eq!(room.image("Deployment", "web"), app(2));
}

/// `kubectl rollout restart` after an undo makes the next revision, under kubectl's own name.
#[test]
fn a_restart_after_a_rollback_is_the_next_revision_and_can_be_taken_back() {
    let room = shared().room(1);
    one_of_each(&room);
    for kind in KINDS {
        let name = &kind.to_lowercase();
        let word = format!("{name}/{name}");
        updated(&room, kind, name, 2);
        rollback(&room, &[&word, "--previous"]).run().expect("done", 0);
        room.kubectl(&["rollout", "restart", &word]);
        assert_eq!(room.observed(kind, name).0, 4, "{kind}");
        let managers = room.workload(kind, name)["metadata"]["managedFields"].to_string();
        assert!(managers.contains("\"kubectl-rollout\"") && managers.contains("\"kubectl-rollback-to\""));
        room.rolled_out(kind, name);

        let outcome = rollback(&room, &[&word, "--previous"]).run();
        outcome.expect("done", 0);
        assert_eq!(outcome.finding("restart-only")["severity"], "info", "{outcome}");
        let template = room.template(kind, name);
        assert!(template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].is_null());
        assert_eq!((room.observed(kind, name).0, room.image(kind, name)), (5, app(1)), "{kind}");
    }
}

/// The scripts wait here for a revision to be there, or else they flake: right after an update nobody has numbered it yet.
#[test]
fn an_update_that_no_controller_has_observed_yet_can_be_rolled_back() {
    let room = shared().room(1);
    one_of_each(&room);
    for kind in KINDS {
        let name = &kind.to_lowercase();
        for version in 2..4 {
            // Its first revision, whatever its number is by now.
            let first = room.images(kind, name).iter().find(|(_, image)| *image == app(1)).unwrap().0;
            room.update(kind, name, &app(version), None);
            let word = format!("{name}/{name}");
            let outcome = rollback(&room, &[&word, "--to-revision", &first.to_string()]).run();
            outcome.expect("done", 0);
            assert_eq!(room.image(kind, name), app(1), "{kind}");
            room.rolled_out(kind, name);
        }
    }
}

/// A pruned revision cannot be rolled back to, and that is reported. `stateful_set_control_test.go`: LimitsHistory.
#[test]
fn a_revision_removed_by_the_history_limit_is_reported_as_gone() {
    let room = shared().room(1);
    one_of_each(&room);
    for kind in KINDS {
        let name = &kind.to_lowercase();
        let limit = serde_json::json!({"spec": {"revisionHistoryLimit": 1}});
        room.cluster().merge(&room.path_of(kind, name), &limit);
        for version in 2..=4 {
            updated(&room, kind, name, version);
        }
        // The live one, and one more.
        ::testbed::wait("the history to be pruned", super::PATIENCE, || {
            (room.images(kind, name) == [(3, app(3)), (4, app(4))]).then_some(())
        });
        let word = format!("{name}/{name}");
        let outcome = rollback(&room, &[&word, "--to-revision=1"]).run();
        outcome.expect("refused", 3);
        assert!(outcome.err.contains("it has 3 and 4"), "{outcome}");
        assert!(outcome.err.contains("older ones were pruned (revisionHistoryLimit 1)"), "{outcome}");
        rollback(&room, &[&word, "--to-revision=3"]).run().expect("done", 0);
        rollback(&room, &[&word, "--previous"]).run().expect("done", 0);
        assert_eq!(room.image(kind, name), app(4), "{kind}");
    }
}
