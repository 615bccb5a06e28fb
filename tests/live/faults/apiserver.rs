//! The API server dies or falls silent; its own cluster, since nobody else could work meanwhile.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ::testbed::{Cluster, Component, Options, Room, wait};
use serde_json::json;

use super::{PATIENCE, end_all_on, endless, node_path, terminating};
use crate::plugin::{drain, needed_rights};

/// One cluster for the tests of this file, one after another.
fn own() -> MutexGuard<'static, Cluster> {
    static OWN: OnceLock<Mutex<Cluster>> = OnceLock::new();
    let start = || {
        // A server that is away for a while on a busy machine must not cost the nodes their good name as well.
        let options = Options { node_grace: Duration::from_secs(60), ..Options::default() };
        let started = Cluster::start(&options);
        Mutex::new(started.unwrap_or_else(|error| panic!("no cluster: {error}")))
    };
    let cluster = OWN.get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner);
    // A test that failed may have left it silent.
    cluster.component(Component::Apiserver).thaw();
    cluster
}

/// `here` pods on the first node, half of which may leave: the other half waits for `allow_all`. Nothing takes the place of those that
/// left, so the budget stays spent.
fn half_allowed(room: &Room<'_>, here: usize) {
    room.deployment("web", 2 * here);
    room.ready("web", 2 * here);
    room.budget("web", "web", json!({"maxUnavailable": here / 2}));
    room.budget_allows("web", here as u64 / 2);
    room.cluster().merge(&node_path(&room.nodes()[1]), &json!({"spec": {"unschedulable": true}}));
}

fn allow_all(room: &Room<'_>) {
    room.cluster().delete(&room.path("policy", "poddisruptionbudgets/web"));
}

/// Acceptance 7. Not as an administrator: a server that is just starting forbids everybody else everything until it has read its roles.
#[test]
fn a_drain_survives_the_death_of_the_apiserver() {
    let cluster = own();
    let room = cluster.room(2);
    endless(&room, "web", 20);
    room.budget("web", "web", json!({"maxUnavailable": 30}));
    room.budget_allows("web", 30);
    let kubeconfig = cluster.user("drainer", &[], &needed_rights());
    let node = room.nodes()[0].as_str();

    let run = drain(&room, &[node]).kubeconfig(&kubeconfig).watch();
    wait("half of the pods to stop", PATIENCE, || (terminating(&room, node) >= 10).then_some(()));
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.kill();
    run.wait_for_output("waiting for the API server");
    apiserver.restart();
    run.wait_for_output("the API server is back");
    wait("all pods to stop", PATIENCE, || (terminating(&room, node) == 20).then_some(()));
    end_all_on(&room, node);
    let (outcome, record, _) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 20);
    assert!(record.lowest_healthy("web") >= Some(10));
    let reported = outcome.err.matches("waiting for the API server").count();
    assert_eq!((reported, outcome.err.matches("the API server is back").count()), (1, 1), "{outcome}");
}

#[test]
fn a_drain_survives_the_death_of_the_apiserver_between_two_evictions() {
    let cluster = own();
    let room = cluster.room(2);
    half_allowed(&room, 10);
    let kubeconfig = cluster.user("drainer", &[], &needed_rights());
    let node = room.nodes()[0].as_str();

    let run = drain(&room, &[node, "--allow=drain-deadlock,no-room"]).kubeconfig(&kubeconfig).watch();
    run.wait_for_output("blocked by PDB");
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.kill();
    run.wait_for_output("waiting for the API server");
    apiserver.restart();
    run.wait_for_output("the API server is back");
    allow_all(&room);
    let (outcome, _, _) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 10);
}

#[test]
fn a_drain_goes_on_after_the_apiserver_was_silent() {
    let cluster = own();
    let room = cluster.room(2);
    half_allowed(&room, 10);
    let node = room.nodes()[0].as_str();

    let run = drain(&room, &[node, "--request-timeout=10s", "--allow=drain-deadlock,no-room"]).watch();
    run.wait_for_output("blocked by PDB");
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.freeze();
    run.wait_for_output("waiting for the API server");
    apiserver.thaw();
    run.wait_for_output("the API server is back");
    allow_all(&room);
    let (outcome, _, audit) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 10);
    assert!(outcome.err.contains("within 10s (--request-timeout)"), "{outcome}");
    let accepted = audit.evictions().filter(|eviction| eviction.accepted()).len();
    assert_eq!(accepted, 10, "each once:\n{audit}");
}

#[test]
fn a_timeout_is_kept_while_the_apiserver_is_silent() {
    let cluster = own();
    let room = cluster.room(2);
    endless(&room, "web", 4);
    let node = room.nodes()[0].as_str();
    let run = drain(&room, &[node, "--timeout=15s", "--on-failure=uncordon"]).watch();
    run.wait_for_output("evicting pod");
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.freeze();
    // Nobody answers any more, not even about the cordon: the end comes all the same.
    let ended = std::time::Instant::now();
    wait("the plugin to end", PATIENCE, || run.is_over().then_some(()));
    let took = ended.elapsed();
    apiserver.thaw();
    let (outcome, record, audit) = run.finish_unchecked();
    record.assert_invariants_without_report(&outcome.err, &audit);
    outcome.expect("timeout", 124);
    assert!(took < Duration::from_secs(30), "not its own: that of a request: {took:?}\n{outcome}");
    assert_ne!(outcome.report()["nodes"][0]["cordoned"], json!(false), "nobody confirmed it\n{outcome}");
}
