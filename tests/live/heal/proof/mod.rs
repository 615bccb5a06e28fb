//! `--prove=evict` on a real control plane: what it measures, what it refuses, and that it evicts nothing but what it reports.

mod between;
mod harm;
mod measured;
mod refused;
mod terminal;

use ::testbed::{Audit, PATIENCE, Room, annotate, shared, wait};
use serde_json::{Value, json};

use super::leases;
use crate::plugin::{Outcome, Run, heal_check, text};

/// Without a question, and with nothing to wait for between the rounds.
fn prove<'r>(room: &'r Room<'r>, name: &str, more: &[&str]) -> Run<'r> {
    heal_check(room, &[&[name, "--prove=evict", "--interval=0s", "-o", "json"], more].concat())
}

/// Three replicas of `web` on two nodes, with a Service and a budget, whose replacements take a second to be ready.
fn shop() -> Room<'static> {
    shop_that_is_ready_after("1s")
}

fn shop_that_is_ready_after(time: &str) -> Room<'static> {
    leases();
    let room = shared().room(2);
    room.deployment_with("web", 3, |web| late(web, time));
    service(&room, "web");
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.ready("web", 3);
    room.budget_allows("web", 1);
    serves(&room, "web", 3);
    room
}

/// Its pods are ready only after a time, and say so.
fn late(workload: &mut Value, ready_after: &str) {
    annotate(workload, "testbed/ready-after", ready_after);
    workload["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] =
        json!({"httpGet": {"path": "/ready", "port": 8080}});
}

fn service(room: &Room<'_>, app: &str) {
    room.apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": app},
        "spec": {"selector": {"app": app}, "ports": [{"port": 80}]}}));
}

fn serves(room: &Room<'_>, service: &str, pods: usize) {
    let path = format!(
        "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices?labelSelector=kubernetes.io/service-name={service}",
        room.namespace()
    );
    wait("the Service to have its pods", PATIENCE, || {
        let slices = room.cluster().list(&path);
        let all = slices.iter().flat_map(|it| it["endpoints"].as_array().into_iter().flatten());
        (all.filter(|it| it["conditions"]["ready"] == true).count() == pods).then_some(())
    });
}

fn proof(outcome: &Outcome) -> Value {
    outcome.report()["proof"].clone()
}

#[track_caller]
fn expect_proof(outcome: &Outcome, result: &str, rounds: usize, code: i32) {
    let proof = proof(outcome);
    assert_eq!(
        (text(&proof, "result"), proof["rounds"].as_array().map_or(0, Vec::len), outcome.code),
        (result, rounds, code),
        "{outcome}"
    );
}

/// UIDs of the victims that are reported.
fn victims(outcome: &Outcome) -> Vec<String> {
    let proof = proof(outcome);
    proof["rounds"].as_array().into_iter().flatten().map(|it| text(it, "victimUid").to_owned()).collect()
}

/// Exactly the evictions that are reported took effect, each with the UID as a precondition, and nothing was deleted.
#[track_caller]
fn assert_only_evicted(audit: &Audit, uids: &[String]) {
    let changes = audit.changes();
    let others = changes.filter(|it| !it.is_eviction());
    assert!(others.is_empty(), "{others}");
    let accepted: Vec<String> = changes
        .iter()
        .filter(|it| it.accepted())
        .map(|it| text(&it.request_object["deleteOptions"]["preconditions"], "uid").to_owned())
        .collect();
    assert_eq!(accepted, uids, "{audit}");
}
