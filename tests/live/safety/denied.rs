//! Admission denies evictions, with any code: the pods are blocked, in the words of whoever denies it, and they are not gone.

use ::testbed::{Room, shared, wait};
use rustix::process::Signal;

use super::PATIENCE;
use crate::plugin::{drain, text};

const WORDS: &str = "locked until the backup is done";

/// A node with two pods.
fn room() -> Room<'static> {
    let room = shared().room(1);
    room.deployment("web", 2);
    room.ready("web", 2);
    room
}

fn assert_blocked(room: &Room<'_>) {
    let run = drain(room, &[&room.nodes()[0]]).watch();
    run.wait_for_output(WORDS);
    wait("both pods to be asked for", PATIENCE, || {
        let asked = run.requests().evictions();
        (asked.iter().any(|it| it.name != asked[0].name)).then_some(())
    });
    run.signal(Signal::INT);
    let (outcome, record, _) = run.finish();
    outcome.expect("interrupted", 130);
    assert_eq!((outcome.count("blocked"), outcome.count("gone")), (2, 0), "{outcome}");
    for pod in outcome.pods() {
        assert!(text(&pod, "blockedBy").contains(WORDS), "{outcome}");
    }
    assert!(record.deleted_uids().is_empty(), "{outcome}");
}

fn assert_code_is_a_denial(code: u16) {
    let room = room();
    let _webhook = room.deny_evictions(code, WORDS);
    assert_blocked(&room);
}

#[test]
fn a_denial_with_code_401_is_a_denial() {
    assert_code_is_a_denial(401);
}

#[test]
fn a_denial_with_code_403_is_a_denial() {
    assert_code_is_a_denial(403);
}

#[test]
fn a_denial_with_code_404_is_a_denial() {
    assert_code_is_a_denial(404);
}

#[test]
fn a_denial_with_code_409_is_a_denial() {
    assert_code_is_a_denial(409);
}

#[test]
fn a_denial_with_code_422_is_a_denial() {
    assert_code_is_a_denial(422);
}

#[test]
fn a_denial_with_code_429_is_a_denial() {
    assert_code_is_a_denial(429);
}

#[test]
fn a_denial_with_code_500_is_a_denial() {
    assert_code_is_a_denial(500);
}

/// Code 413: of the reasons that a policy may give, the one that least looks like a denial.
#[test]
fn a_policy_that_calls_it_too_large_denies() {
    let room = room();
    let _policy = room.refuse_evictions("RequestEntityTooLarge", WORDS);
    assert_blocked(&room);
}

#[test]
fn a_policy_that_calls_it_invalid_denies() {
    let room = room();
    let _policy = room.refuse_evictions("Invalid", WORDS);
    assert_blocked(&room);
}

#[test]
fn a_policy_that_calls_it_forbidden_denies() {
    let room = room();
    let _policy = room.refuse_evictions("Forbidden", WORDS);
    assert_blocked(&room);
}

/// And it goes on when the lock is lifted, as with a webhook that is down.
#[test]
fn a_drain_goes_on_when_nothing_denies_it_any_more() {
    let room = room();
    let webhook = room.deny_evictions(404, WORDS);
    let run = drain(&room, &[&room.nodes()[0]]).watch();
    run.wait_for_output(WORDS);
    drop(webhook);
    let (outcome, _, _) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 2, "{outcome}");
}
