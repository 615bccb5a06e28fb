//! What is refused, with nothing evicted.

use ::testbed::{Room, annotate, shared};
use serde_json::json;

use super::super::leases;
use super::{prove, shop};
use crate::plugin::{Run, heal_check};

/// Refused, for this reason, and nothing was written.
#[track_caller]
fn refused(room: &Room<'static>, run: &Run<'_>, why: &str) {
    let mark = room.cluster().audit_mark();
    let outcome = run.run();
    outcome.expect("refused", 3);
    assert!(outcome.err.contains(why), "{why}: {outcome}");
    let written = room.writes(mark, "kubectl-heal").changes();
    assert!(written.is_empty(), "{written}");
}

#[test]
fn without_a_terminal_it_needs_consent() {
    let room = shop();
    refused(&room, &prove(&room, "deploy/web", &[]), "needs confirmation");
}

#[test]
fn what_is_not_healthy_now_is_not_proven() {
    leases();
    let room = shared().room(1);
    room.deployment("one", 1);
    room.deployment("pair", 2);
    room.budget("pair", "pair", json!({"minAvailable": 2}));
    room.deployment_with("ill", 2, |it| annotate(it, "testbed/failure", "never-ready"));
    room.pod("bare");
    room.ready("one", 1);
    room.ready("pair", 2);
    room.budget_allows("pair", 0);
    // One pod: an outage is not agreed to by a flag.
    room.spare_node();
    refused(&room, &prove(&room, "deploy/one", &["--yes"]), "one has one pod");
    refused(&room, &prove(&room, "deploy/pair", &["--yes"]), "pair allows no eviction now");
    refused(&room, &prove(&room, "deploy/ill", &["--yes"]), "0 of 2 ready");
    refused(&room, &prove(&room, "deploy/none", &["--yes"]), "is not there");
    let bare = prove(&room, "pod/bare", &["--yes"]).run();
    bare.expect("refused", 2);
    let system =
        heal_check(&room, &["deploy/x", "-n", "kube-system", "--prove=evict", "--yes", "-o", "json"]);
    assert_eq!(system.run().code, 2, "the namespace is given twice");
}

/// What somebody leaves out of a report is in the way all the same.
#[test]
fn what_is_ignored_is_no_condition_less() {
    leases();
    let room = shared().room(2);
    room.deployment_with("ref", 2, |it| {
        it["spec"]["template"]["spec"]["containers"][0]["envFrom"] =
            json!([{"configMapRef": {"name": "none"}}]);
    });
    room.ready("ref", 2);
    for more in [&["--yes"][..], &["--yes", "--ignore=HC501"]] {
        refused(&room, &prove(&room, "deploy/ref", more), "HC501");
    }
}

/// F14: what a simulated node runs for a container is a command on the machine of the simulator.
#[test]
fn no_container_is_killed_on_a_simulated_node() {
    let room = shop();
    let mark = room.cluster().audit_mark();
    let run = heal_check(&room, &["deploy/web", "--prove=kill", "--yes", "-o", "json"]);
    refused(&room, &run, "is simulated by kwok");
    let commands = crate::plugin::requests(&room, "heal-check", room.cluster().audit_since(mark));
    let commands = commands.filter(|it| it.subresource == "exec");
    assert!(commands.is_empty(), "{commands}");
}

#[test]
fn no_grace_for_a_stateful_set() {
    leases();
    let room = shared().room(2);
    room.statefulset("db", 2);
    room.ready("db", 2);
    refused(&room, &prove(&room, "sts/db", &["--grace=0s", "--yes"]), "--grace=0s is refused");
}
