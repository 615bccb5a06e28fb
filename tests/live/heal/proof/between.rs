//! What somebody else does between two rounds: the next one is of a pod that was agreed to, or there is none.

use super::{assert_only_evicted, expect_proof, proof, shop, victims};
use crate::plugin::{Watched, heal_check, text};
use ::testbed::Room;

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
fn ended_before_the_second_round(run: Watched<'_>, why: &str) {
    let (outcome, _, audit) = run.finish_unchecked();
    expect_proof(&outcome, "aborted", 1, 4);
    let reason = proof(&outcome)["reason"].clone();
    assert!(reason.as_str().is_some_and(|it| it.contains(why)), "{why}: {outcome}");
    assert_only_evicted(&audit, &victims(&outcome));
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
