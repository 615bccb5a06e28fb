//! What somebody else does between two rounds: the next one is of a pod that was agreed to, in the conditions that were shown, or there is none.

use serde_json::json;

use super::{assert_only_evicted, expect_proof, proof, shop, victims};
use crate::plugin::{Watched, heal_check, text};
use ::testbed::{Audit, Room};

/// Long enough to do something in it.
fn proof_with_interval<'r>(room: &'r Room<'r>) -> Watched<'r> {
    let run = heal_check(
        room,
        &["deploy/web", "--prove=evict", "--yes", "--interval=8s", "--max-recovery=10s", "-o", "json"],
    )
    .watch();
    run.wait_for_output("next round in");
    run
}

/// After the first round nothing was evicted any more, for this reason.
#[track_caller]
fn ended_before_the_second_round(run: Watched<'_>, why: &str) -> Audit {
    let (outcome, _, audit) = run.finish_unchecked();
    expect_proof(&outcome, "aborted", 1, 4);
    let reason = proof(&outcome)["reason"].clone();
    assert!(reason.as_str().is_some_and(|it| it.contains(why)), "{why}: {outcome}");
    assert_only_evicted(&audit, &victims(&outcome));
    audit
}

#[test]
fn no_other_pod_takes_the_turn_of_one_that_is_gone() {
    let room = shop();
    let named: Vec<String> = room.pods().iter().map(|it| text(&it["metadata"], "name").to_owned()).collect();
    let run = proof_with_interval(&room);
    let left = room.pods().into_iter().find(|it| {
        it["metadata"]["deletionTimestamp"].is_null()
            && named.iter().any(|name| it["metadata"]["name"] == **name)
    });
    let left = text(&left.unwrap()["metadata"], "name").to_owned();
    room.cluster().delete(&room.path("", &format!("pods/{left}")));
    ended_before_the_second_round(run, &format!("pod {left} is gone"));
}

#[test]
fn where_a_replacement_finds_no_node_any_more_no_pod_is_evicted() {
    let room = shop();
    let run = proof_with_interval(&room);
    let nodes: Vec<&str> = room.nodes().iter().map(String::as_str).collect();
    room.kubectl(&[&["cordon"], &nodes[..]].concat());
    ended_before_the_second_round(run, "it will not recover");
}

#[test]
fn without_the_budget_that_was_shown_no_pod_is_evicted() {
    let room = shop();
    let run = proof_with_interval(&room);
    room.kubectl(&["delete", "pdb", "web"]);
    ended_before_the_second_round(run, "budget web is gone");
}

/// It is spent by somebody else after the first round: it is not even asked.
#[test]
fn a_budget_that_allows_nothing_any_more_ends_it() {
    let room = shop();
    let run = proof_with_interval(&room);
    let budget = room.path("policy", "poddisruptionbudgets/web");
    room.cluster().merge(&budget, &json!({"spec": {"maxUnavailable": 0}}));
    let audit = ended_before_the_second_round(run, "web allows no eviction now");
    assert_eq!(audit.evictions().filter(|it| it.code == 429).len(), 0, "{audit}");
}
