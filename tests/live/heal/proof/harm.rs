//! What happens in the middle of a proof.

use ::testbed::{PATIENCE, annotate, shared, wait};
use rustix::process::Signal;
use serde_json::json;

use super::super::leases;
use super::{assert_only_evicted, expect_proof, proof, prove, shop, shop_that_is_ready_after, victims};
use crate::plugin::text;

#[test]
fn ctrl_c_waits_for_the_recovery() {
    let room = shop();
    let run = prove(&room, "deploy/web", &["--yes"]).watch();
    run.wait_for_output("evicting web-");
    run.signal(Signal::INT);
    let (outcome, _, audit) = run.finish_unchecked();
    expect_proof(&outcome, "aborted", 1, 130);
    assert_only_evicted(&audit, &victims(&outcome));
    assert!(proof(&outcome)["rounds"][0]["recoverySeconds"].is_number(), "{outcome}");
    outcome.expect("interrupted", 130);
}

#[test]
fn a_second_ctrl_c_leaves_at_once_and_says_how_it_is() {
    leases();
    let room = shared().room(2);
    // Long enough that the wait is not over before the second Ctrl-C.
    room.deployment_with("slow", 2, |it| annotate(it, "testbed/ready-after", "30s"));
    room.ready("slow", 2);
    let run = prove(&room, "deploy/slow", &["--yes"]).watch();
    run.wait_for_output("created");
    run.signal(Signal::INT);
    run.wait_for_output("waiting for this recovery");
    run.signal(Signal::INT);
    let (outcome, _, audit) = run.finish_unchecked();
    assert_eq!(outcome.code, 130, "{outcome}");
    assert!(outcome.err.contains("left while ") || outcome.err.contains("recovered"), "{outcome}");
    assert_eq!(audit.changes().len(), 1, "{audit}");
}

/// The budget is spent by somebody else while the eviction is on its way: nothing is forced.
#[test]
fn a_budget_that_refuses_all_the_time_ends_it() {
    let room = shop();
    let eviction = room.block_eviction();
    let run = prove(&room, "deploy/web", &["--yes", "--max-recovery=8s"]).watch();
    eviction.reached();
    let budget = room.path("policy", "poddisruptionbudgets/web");
    room.cluster().merge(&budget, &json!({"spec": {"maxUnavailable": 0}}));
    room.budget_allows("web", 0);
    eviction.go_on();
    let (outcome, _, audit) = run.finish_unchecked();
    expect_proof(&outcome, "aborted", 0, 3);
    assert!(text(&proof(&outcome), "reason").contains("refused all the time"), "{outcome}");
    assert_only_evicted(&audit, &[]);
    assert!(audit.evictions().iter().filter(|it| it.code == 429).count() > 1, "{audit}");
}

/// A pod that comes by scaling is not the replacement.
#[test]
fn scaling_meanwhile_makes_the_round_void() {
    let room = shop_that_is_ready_after("20s");
    let run = prove(&room, "deploy/web", &["--yes", "--rounds=1"]).watch();
    run.wait_for_output("created");
    room.cluster().merge(&room.path("apps", "deployments/web"), &json!({"spec": {"replicas": 4}}));
    let (outcome, _, audit) = run.finish_unchecked();
    expect_proof(&outcome, "void", 1, 5);
    assert_only_evicted(&audit, &victims(&outcome));
}

#[test]
fn more_harm_than_agreed_ends_it() {
    let room = shop_that_is_ready_after("20s");
    let run = prove(&room, "deploy/web", &["--yes", "--rounds=2"]).watch();
    // The eviction was accepted: before that the budget would refuse it after the deletion.
    run.wait_for_output("created");
    // Somebody deletes another one.
    wait("another pod to delete", PATIENCE, || {
        let other = room.pods().into_iter().find(|it| {
            it["metadata"]["deletionTimestamp"].is_null()
                && !run.stderr().contains(text(&it["metadata"], "name"))
        })?;
        room.cluster().delete(&room.path("", &format!("pods/{}", text(&other["metadata"], "name"))));
        Some(())
    });
    let (outcome, _, audit) = run.finish_unchecked();
    let result = text(&proof(&outcome), "result").to_owned();
    assert!(["aborted", "void"].contains(&result.as_str()) && matches!(outcome.code, 4 | 5), "{outcome}");
    assert_eq!(audit.changes().filter(|it| it.accepted()).len(), 1, "{audit}");
}
