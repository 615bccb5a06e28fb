//! SIGINT, SIGTERM and SIGHUP: each phase ends at once, with a report.

use std::time::{Duration, Instant};

use ::testbed::fake::{Answer, Fake};
use ::testbed::{PATIENCE, Room, shared, wait};
use rustix::process::Signal;

use super::{lines, login};
use crate::faults::fake::{kubeconfig, shop};
use crate::plugin::{Outcome, Run, Running, drain, rollback};

pub const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];
/// A run that missed the signal would go on until the request times out, after thirty seconds, or for ever.
const AT_ONCE: Duration = Duration::from_secs(20);

type Start<'r> = fn(&'r Room<'r>) -> Run<'r>;

fn both<'r>() -> [Start<'r>; 2] {
    [|room| drain(room, &["n1"]), |room| rollback(room, &["deployment/web", "--previous"])]
}

#[track_caller]
pub fn interrupt(running: Running, signal: Signal) -> Outcome {
    let sent = Instant::now();
    running.signal(signal);
    let outcome = running.finish();
    let took = sent.elapsed();
    outcome.expect("interrupted", 130);
    assert!(took < AT_ONCE, "it ended {took:?} after {signal:?}\n{outcome}");
    outcome
}

#[test]
fn while_a_credential_plugin_hangs() {
    let room = shared().room(0);
    for start in both() {
        for signal in SIGNALS {
            let folder = tempfile::tempdir().unwrap();
            let config = login(&room, folder.path(), "sleep 600 & echo $! > child; wait");
            let running = start(&room).kubeconfig(&config).spawn();
            wait("the plugin to run", PATIENCE, || (lines(folder.path(), "child") == 1).then_some(()));
            interrupt(running, signal);
            // What it started ends with it.
            let child = std::fs::read_to_string(folder.path().join("child")).unwrap();
            let child = rustix::process::Pid::from_raw(child.trim().parse().unwrap()).unwrap();
            wait("its child to end", PATIENCE, || {
                rustix::process::test_kill_process(child).is_err().then_some(())
            });
        }
    }
}

#[test]
fn a_credential_plugin_that_hangs_ends_with_the_timeout() {
    let room = shared().room(0);
    let folder = tempfile::tempdir().unwrap();
    let config = login(&room, folder.path(), "sleep 600");
    let outcome = drain(&room, &["n1", "--timeout=1s"]).kubeconfig(&config).run();
    outcome.expect("timeout", 124);
}

#[test]
fn while_the_server_does_not_answer() {
    let room = shared().room(0);
    for start in both() {
        for signal in SIGNALS {
            let silent = Fake::start();
            silent.on("*", "*").answer(Answer::silence());
            let running = start(&room).kubeconfig(&kubeconfig(&room, &silent)).spawn();
            silent.wait_for(1, |_| true);
            interrupt(running, signal);
        }
    }
}

#[test]
fn while_an_eviction_is_not_answered() {
    let room = shared().room(0);
    for signal in SIGNALS {
        let fake = shop(|fake, _| fake.on("POST", "*/eviction").answer(Answer::silence()));
        let running = drain(&room, &["n1"]).kubeconfig(&kubeconfig(&room, &fake)).spawn();
        fake.wait_for(1, |request| request.path.ends_with("/eviction"));
        let outcome = interrupt(running, signal);
        // Whether the pod was evicted is not known, and that the node was cordoned is.
        assert_eq!(outcome.report()["nodes"][0]["cordoned"], true, "{outcome}");
    }
}

#[test]
fn while_the_cluster_is_read() {
    let room = shared().room(0);
    for signal in SIGNALS {
        let fake = shop(|fake, _| fake.on("GET", "/api/v1/pods").answer(Answer::silence()));
        let running = drain(&room, &["n1"]).kubeconfig(&kubeconfig(&room, &fake)).spawn();
        fake.wait_for(1, |request| request.path == "/api/v1/pods");
        interrupt(running, signal);
        assert!(fake.requests().iter().all(|request| request.method != "PATCH"));
    }
}
