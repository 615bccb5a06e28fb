//! What is measured, against what the independent watcher saw.

use std::time::{Duration, Instant};

use ::testbed::{Change, Record, shared};
use serde_json::{Value, json};

use super::super::{leases, matrix_of};
use super::{assert_only_evicted, expect_proof, late, proof, prove, serves, service, shop, victims};
use crate::plugin::text;

/// What two watches of one server may differ by, on a machine that is busy with other tests. On an idle one it is a few milliseconds.
const LAG: f64 = 0.75;

fn first(record: &Record, uid: &str, is_it: impl Fn(&Value) -> bool) -> Instant {
    let mut events = record.events.iter().filter(|it| it.kind == "Pod" && it.uid() == uid);
    events.find(|it| is_it(&it.object)).map(|it| it.at).unwrap()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|it| it["type"] == "Ready" && it["status"] == "True")
}

#[track_caller]
fn assert_close(what: &str, reported: &Value, watched: Duration) {
    let reported = reported.as_f64().unwrap_or_else(|| panic!("{what} is missing"));
    let difference = (reported - watched.as_secs_f64()).abs();
    assert!(difference < LAG, "{what}: {reported}s reported, {watched:?} watched");
}

#[test]
fn durations_are_those_that_the_watcher_saw() {
    let room = shop();
    let (outcome, record, audit) =
        prove(&room, "deploy/web", &["--rounds=2", "--yes"]).watch().finish_unchecked();
    expect_proof(&outcome, "recovered", 2, 0);
    assert_only_evicted(&audit, &victims(&outcome));
    assert_eq!(record.deleted_uids(), victims(&outcome).into_iter().collect(), "{outcome}");
    for round in proof(&outcome)["rounds"].as_array().unwrap() {
        let (victim, replacement) = (text(round, "victimUid"), text(round, "replacementUid"));
        let since = first(&record, victim, |it| !it["metadata"]["deletionTimestamp"].is_null());
        let at = |is_it: &dyn Fn(&Value) -> bool| {
            first(&record, replacement, is_it).saturating_duration_since(since)
        };
        let seconds = &round["seconds"];
        assert_close("created", &seconds["created"], at(&|_| true));
        assert_close("scheduled", &seconds["scheduled"], at(&|it| !it["spec"]["nodeName"].is_null()));
        assert_close("ready", &seconds["ready"], at(&is_ready));
        let gone =
            record.events.iter().find(|it| it.uid() == victim && it.change == Change::Deleted).unwrap();
        assert_close("gone", &seconds["gone"], gone.at.saturating_duration_since(since));
        // One interval, to the last phase that is needed.
        let last = ["available", "endpoint"].map(|it| seconds[it].as_f64().unwrap());
        assert_eq!(round["recoverySeconds"].as_f64().unwrap(), last[0].max(last[1]), "{outcome}");
        // kwok makes it ready after a second.
        assert!(seconds["ready"].as_f64() > seconds["started"].as_f64(), "{outcome}");
    }
    let matrix = matrix_of(&outcome, "Deployment", "web");
    assert_eq!(matrix["podLoss"]["evidence"], "proven", "{outcome}");
    // The node took replacements all the time: what a drain does was not tried.
    assert_eq!(matrix["drain"]["evidence"], "predicted", "{outcome}");
}

#[test]
fn a_stateful_set_makes_the_same_name_again() {
    leases();
    let room = shared().room(3);
    room.statefulset("db", 2);
    room.deployment("decoy", 2);
    room.ready("db", 2);
    let decoy = room.ready("decoy", 2);
    let (outcome, record, audit) =
        prove(&room, "sts/db", &["--rounds=2", "--yes"]).watch().finish_unchecked();
    expect_proof(&outcome, "recovered", 2, 0);
    assert_only_evicted(&audit, &victims(&outcome));
    let proof = proof(&outcome);
    let names: Vec<&str> = proof["rounds"].as_array().unwrap().iter().map(|it| text(it, "victim")).collect();
    assert_eq!(names, ["db-1", "db-0"]);
    for round in proof["rounds"].as_array().unwrap() {
        assert_eq!(round["victim"], round["replacement"]);
        assert_ne!(round["victimUid"], round["replacementUid"]);
        // No Service: that it serves cannot be seen, and is not reported.
        assert!(round["seconds"]["endpoint"].is_null() && round["noEndpointSeconds"].is_null(), "{outcome}");
        // It waits until the name is free.
        assert!(round["seconds"]["created"].as_f64() >= round["seconds"]["gone"].as_f64(), "{outcome}");
    }
    let touched = record.deleted_uids();
    assert!(decoy.iter().all(|it| !touched.contains(text(&it["metadata"], "uid"))), "{touched:?}");
}

#[test]
fn too_slow_names_the_slowest_phase() {
    leases();
    let room = shared().room(2);
    room.deployment_with("web", 2, |web| late(web, "3s"));
    service(&room, "web");
    room.ready("web", 2);
    serves(&room, "web", 2);
    let outcome = prove(&room, "deploy/web", &["--max-recovery=2s", "--yes"]).run();
    expect_proof(&outcome, "slow", 1, 1);
    assert!(text(&proof(&outcome), "reason").contains("the slowest phase was ready"), "{outcome}");
    assert_ne!(matrix_of(&outcome, "Deployment", "web")["podLoss"]["evidence"], json!("proven"));
}
