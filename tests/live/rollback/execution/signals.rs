//! SIGINT, SIGTERM and SIGHUP while a rollout is watched and while it is restored: the run ends at once, and the report describes the state.

use ::testbed::{Room, shared, wait};
use serde_json::json;

use super::{PATIENCE, app, cause, reported, updated, updated_with_unready_pods};
use crate::client::signals::{SIGNALS, interrupt};
use crate::plugin::{Outcome, Running, rollback, text};

/// The report has this cause for `web`, and stderr states that it was written.
#[track_caller]
fn leaves(room: &Room<'_>, outcome: &Outcome, words: &[&str], image: &str) {
    let message = cause(outcome, "web");
    assert!(words.iter().all(|words| message.contains(words)), "{outcome}");
    assert_eq!(text(&reported(outcome, "web"), "result"), "interrupted", "{outcome}");
    assert!(outcome.err.contains("deployment/web updated; waiting for its pods"), "{outcome}");
    assert_eq!(room.image("Deployment", "web"), image, "{outcome}");
}

#[test]
fn a_signal_while_it_watches_leaves_what_was_written() {
    for signal in SIGNALS {
        let room = shared().room(1);
        updated_with_unready_pods(&room, "Deployment", "web", 1, |_| ());
        let run = rollback(&room, &["deployment/web", "--to-revision=1", "--on-failure=restore"]).spawn();
        run.wait_for_output("0 of 1 updated pods available");
        let outcome = interrupt(run, signal);
        leaves(
            &room,
            &outcome,
            &["interrupted with 0 of 1 updated pods available; the rollout continues"],
            &app(1),
        );
        assert!(!outcome.err.contains("restoring the previous template"), "nothing is put back\n{outcome}");
    }
}

/// It has failed, and what is put back is not there yet.
#[track_caller]
fn restoring<'r>(room: &'r Room<'r>) -> Running {
    updated(room, "Deployment", "web", 1, Some("never-ready"), |_| ());
    // What is put back is well, and not available before this test is over (less than progressDeadlineSeconds, 600).
    let slow = json!({"spec": {"minReadySeconds": 500}});
    room.cluster().try_merge(&room.path_of("Deployment", "web"), &slow).unwrap();
    room.observed("Deployment", "web");
    let args = ["deployment/web", "--to-revision=1", "--fail-after=1s", "--on-failure=restore"];
    let run = rollback(room, &args).spawn();
    run.wait_for_output("deployment/web restoring the previous template");
    run
}

#[test]
fn a_signal_during_a_restore_is_reported_with_the_restore() {
    for signal in SIGNALS {
        let room = shared().room(1);
        let run = restoring(&room);
        wait("the template to be back", PATIENCE, || {
            (room.image("Deployment", "web") == app(2)).then_some(())
        });
        let outcome = interrupt(run, signal);
        let words = ["ContainersNotReady", "restored; interrupted", "the rollout continues"];
        leaves(&room, &outcome, &words, &app(2));
    }
}
