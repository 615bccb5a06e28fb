//! Ctrl-C, SIGTERM and SIGKILL while pods stop.

use ::testbed::{shared, wait};
use rustix::process::Signal;
use serde_json::json;

use super::{PATIENCE, end_all_on, endless, slow, terminating};
use crate::plugin::{drain, text};

#[test]
fn an_interrupt_stops_the_evictions_and_reports_what_is_in_flight() {
    stopped_by(Signal::INT);
}

#[test]
fn sigterm_is_an_interrupt() {
    stopped_by(Signal::TERM);
}

#[test]
fn sighup_is_an_interrupt() {
    stopped_by(Signal::HUP);
}

/// Three pods are stopping and three wait for their budget; then the signal; then a second run finishes.
fn stopped_by(signal: Signal) {
    let room = shared().room(2);
    endless(&room, "web", 6);
    room.budget("web", "web", json!({"maxUnavailable": 3}));
    room.budget_allows("web", 3);
    let node = room.nodes()[0].as_str();
    // Nothing takes their place, so the budget stays spent.
    cordon(&room.nodes()[1], &room);

    let run = drain(&room, &[node, "--allow=drain-deadlock,no-room"]).watch();
    wait("three pods to stop", PATIENCE, || (terminating(&room, node) == 3).then_some(()));
    run.wait_for_output("blocked by PDB");
    run.signal(signal);
    let (outcome, _, audit) = run.finish();
    outcome.expect("interrupted", 130);
    let results = ["gone", "terminating", "blocked"].map(|result| outcome.count(result));
    assert_eq!(results, [0, 3, 3], "{outcome}");
    let report = outcome.report();
    assert_eq!(
        (&report["nodes"][0]["cordoned"], text(&report["nodes"][0], "result")),
        (&json!(true), "interrupted")
    );
    assert_eq!(audit.evictions().filter(|eviction| eviction.accepted()).len(), 3);

    // What it left behind is no obstacle.
    room.cluster().delete(&room.path("policy", "poddisruptionbudgets/web"));
    let again = drain(&room, &[node, "--allow=no-room"]).watch();
    wait("all six pods to stop", PATIENCE, || (terminating(&room, node) == 6).then_some(()));
    end_all_on(&room, node);
    let (outcome, _, audit) = again.finish();
    outcome.expect("drained", 0);
    assert_eq!(
        (outcome.count("gone"), audit.evictions().len()),
        (6, 3),
        "those that were stopping are waited for, not asked again"
    );
}

#[test]
fn after_sigkill_a_second_run_reaches_the_same_end() {
    let room = shared().room(2);
    slow(&room, "web", 12, "2s");
    room.budget("web", "web", json!({"maxUnavailable": 2}));
    room.budget_allows("web", 2);
    let node = room.nodes()[0].as_str();
    let uids: Vec<String> =
        room.pods_on(node).iter().map(|pod| text(&pod["metadata"], "uid").to_owned()).collect();

    // Each round dies one accepted eviction later than the one before.
    for accepted in [0, 1, 2] {
        let run = drain(&room, &[node]).watch();
        match accepted {
            0 => run.wait_for_output("cordoned"),
            count => wait("evictions", PATIENCE, || {
                (run.stderr().matches("evicting pod ").count() >= count).then_some(())
            }),
        }
        run.signal(Signal::KILL);
        let (outcome, record, audit) = run.finish_unchecked();
        assert_eq!((outcome.code, outcome.out.as_str()), (-1, ""), "{outcome}");
        record.assert_invariants_without_report(&outcome.err, &audit);
    }
    let (outcome, record, _) = drain(&room, &[node]).watch().finish();
    outcome.expect("drained", 0);
    assert!(record.lowest_healthy("web") >= Some(22));
    let left = room.pods_on(node);
    assert!(left.is_empty(), "{left:?}");
    let alive: Vec<_> = room.pods().iter().map(|pod| text(&pod["metadata"], "uid").to_owned()).collect();
    assert!(uids.iter().all(|uid| !alive.contains(uid)));
}

fn cordon(node: &str, room: &::testbed::Room<'_>) {
    room.cluster().merge(&super::node_path(node), &json!({"spec": {"unschedulable": true}}));
}
