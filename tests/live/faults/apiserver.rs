//! The API server dies or falls silent; its own cluster, since nobody else could work meanwhile.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ::testbed::{Cluster, Component, Options, wait};
use serde_json::json;

use super::{PATIENCE, slow, terminating};
use crate::plugin::{drain, needed_rights};

/// One cluster for the tests of this file, one after another.
fn own() -> MutexGuard<'static, Cluster> {
    static OWN: OnceLock<Mutex<Cluster>> = OnceLock::new();
    let start = || {
        let started = Cluster::start(&Options::default());
        Mutex::new(started.unwrap_or_else(|error| panic!("no cluster: {error}")))
    };
    let cluster = OWN.get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner);
    // A test that failed may have left it silent.
    cluster.component(Component::Apiserver).thaw();
    cluster
}

/// Acceptance 7. Not as an administrator: a server that is just starting forbids everybody else everything until it has read its roles.
#[test]
fn a_drain_survives_the_death_of_the_apiserver() {
    let cluster = own();
    let room = cluster.room(2);
    slow(&room, "web", 20, "6s");
    room.budget("web", "web", json!({"maxUnavailable": 30}));
    room.budget_allows("web", 30);
    let kubeconfig = cluster.user("drainer", &[], &needed_rights());
    let node = room.nodes()[0].as_str();

    let run = drain(&room, &[node]).kubeconfig(&kubeconfig).watch();
    wait("half of the pods to stop", PATIENCE, || (terminating(&room, node) >= 10).then_some(()));
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.kill();
    run.hear("waiting for the API server");
    apiserver.restart();
    let (outcome, record, _) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 20);
    assert!(record.lowest_healthy("web") >= Some(10));
    let told = outcome.err.matches("waiting for the API server").count();
    assert_eq!((told, outcome.err.matches("the API server is back").count()), (1, 1), "{outcome}");
}

#[test]
fn a_drain_survives_the_death_of_the_apiserver_between_two_evictions() {
    let cluster = own();
    let room = cluster.room(2);
    slow(&room, "web", 20, "1s");
    let kubeconfig = cluster.user("drainer", &[], &needed_rights());
    let node = room.nodes()[0].as_str();

    // One at a time, so that most are still to be asked for.
    let run = drain(&room, &[node, "--concurrency=1"]).kubeconfig(&kubeconfig).watch();
    run.hear("evicted");
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.kill();
    run.hear("waiting for the API server");
    apiserver.restart();
    let (outcome, _, _) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 20);
}

#[test]
fn a_drain_goes_on_after_the_apiserver_was_silent() {
    let cluster = own();
    let room = cluster.room(2);
    slow(&room, "web", 30, "1s");
    let node = room.nodes()[0].as_str();

    let run = drain(&room, &[node, "--concurrency=1", "--request-timeout=2s"]).watch();
    run.hear("evicted");
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.freeze();
    run.hear("waiting for the API server");
    apiserver.thaw();
    let (outcome, _, audit) = run.finish();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 30);
    assert!(outcome.err.contains("within 2s (--request-timeout)"), "{outcome}");
    assert!(outcome.err.contains("the API server is back"), "{outcome}");
    let twice = audit.evictions().len() - 30;
    assert!(twice <= 1, "only the one that was in flight may be asked for again:\n{audit}");
}

#[test]
fn a_timeout_is_kept_while_the_apiserver_is_silent() {
    let cluster = own();
    let room = cluster.room(2);
    slow(&room, "web", 4, "20s");
    let node = room.nodes()[0].as_str();
    let run = drain(&room, &[node, "--timeout=4s", "--on-failure=uncordon"]).watch();
    run.hear("evicted");
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
    assert!(took < Duration::from_secs(8), "{took:?}\n{outcome}");
    assert_ne!(outcome.report()["nodes"][0]["cordoned"], json!(false), "nobody confirmed it\n{outcome}");
}
