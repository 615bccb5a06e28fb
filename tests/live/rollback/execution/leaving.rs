//! The run ends before the rollout: the rollout continues, and `--status` follows it.

use ::testbed::{shared, wait};
use rustix::process::Signal;

use super::{PATIENCE, app, cause, release, updated_with_unready_pods};
use crate::plugin::{Outcome, rollback, rollback_to};

/// The rollout finishes by itself. The terminal's hint to check its progress is in `rollback::terminal`.
#[track_caller]
fn goes_on(room: &::testbed::Room<'_>, outcome: &Outcome, words: &str) {
    let cause = cause(outcome, "web");
    assert!(cause.starts_with(words) && cause.contains("the rollout continues"), "{outcome}");
    assert_eq!(room.image("Deployment", "web"), app(1), "nothing is undone\n{outcome}");
    let status = |expected: i32| {
        let outcome = rollback_to(room, &["deployment/web", "--status"]).run();
        assert_eq!(outcome.code, expected, "{outcome}");
    };
    status(4);
    wait("the rollout to end", PATIENCE, || {
        release(room);
        room.is_rolled_out("Deployment", "web").then_some(())
    });
    status(0);
}

#[test]
fn no_wait_ends_with_the_write() {
    let room = shared().room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 1, |_| ());
    let outcome = rollback(&room, &["deployment/web", "--to-revision=1", "--no-wait"]).run();
    outcome.expect("done", 0);
    assert_eq!(cause(&outcome, "web"), "not watched (--no-wait)");
    assert_eq!(room.image("Deployment", "web"), app(1));
    assert!(!room.is_rolled_out("Deployment", "web"), "it waited\n{outcome}");
}

#[test]
fn a_timeout_ends_the_watching_and_not_the_rollout() {
    let room = shared().room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 1, |_| ());
    let run = rollback(&room, &["deployment/web", "--to-revision=1", "--timeout=15s", "--on-failure=stop"]);
    let outcome = run.run();
    outcome.expect("timeout", 124);
    goes_on(&room, &outcome, "--timeout passed with 0 of 1 updated pods available; ");
}

#[test]
fn ctrl_c_ends_the_watching_and_not_the_rollout() {
    let room = shared().room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 1, |_| ());
    let run = rollback(&room, &["deployment/web", "--to-revision=1", "--on-failure=restore"]).spawn();
    run.wait_for_output("0 of 1 updated pods available");
    run.signal(Signal::INT);
    let outcome = run.finish();
    outcome.expect("interrupted", 130);
    goes_on(&room, &outcome, "interrupted with 0 of 1 updated pods available; ");
    // The text output has it too, and `--last` finds what to undo.
    rollback_to(&room, &["--last", "--yes"]).run();
    assert_eq!(room.image("Deployment", "web"), app(2));
}
