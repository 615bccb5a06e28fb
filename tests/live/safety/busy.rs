//! The cordon of a busy server, and of one that never answers.

use std::time::{Duration, Instant};

use ::testbed::fake::{Answer, Fake};
use ::testbed::{Room, shared};
use rustix::process::Signal;

use crate::faults::fake::{kubeconfig, shop};
use crate::plugin::{Outcome, drain};

const NODE: &str = "/api/v1/nodes/n1";
/// A run that missed the signal would go on until the request times out, after thirty seconds.
const END: Duration = Duration::from_secs(20);

fn cordons(fake: &Fake) -> usize {
    fake.requests().iter().filter(|request| request.method == "PATCH" && request.path == NODE).count()
}

#[test]
fn flow_control_at_the_cordon_is_tried_again() {
    let fake = shop(|fake, _| {
        let busy =
            Answer::text(429, "Too many requests, please try again later.\n").header("Retry-After", "1");
        fake.on("PATCH", NODE).times(2).answer(busy);
    });
    let room = shared().room(0);
    let outcome = drain(&room, &["n1", "--timeout=3m"]).kubeconfig(&kubeconfig(&room, &fake)).run();
    outcome.expect("drained", 0);
    assert_eq!(cordons(&fake), 3, "{outcome}");
}

/// A cordon that is never answered, and a signal.
fn stopped_at_the_cordon(signal: Signal) -> (Room<'static>, Outcome) {
    let fake = shop(|fake, _| fake.on("PATCH", NODE).answer(Answer::silence()));
    let room = shared().room(0);
    let run = drain(&room, &["n1"]).kubeconfig(&kubeconfig(&room, &fake)).spawn();
    fake.wait_for(1, |request| request.method == "PATCH");
    let signalled = Instant::now();
    run.signal(signal);
    let outcome = run.finish();
    assert!(signalled.elapsed() < END, "{:?}\n{outcome}", signalled.elapsed());
    (room, outcome)
}

#[test]
fn an_interrupt_at_the_cordon_ends_it_with_a_report() {
    for signal in [Signal::INT, Signal::TERM] {
        let (_, outcome) = stopped_at_the_cordon(signal);
        outcome.expect("interrupted", 130);
        assert!(outcome.report()["nodes"][0]["cordoned"].is_null(), "nobody knows\n{outcome}");
    }
}

#[test]
fn a_hangup_is_an_interrupt() {
    let (_, outcome) = stopped_at_the_cordon(Signal::HUP);
    outcome.expect("interrupted", 130);
}
