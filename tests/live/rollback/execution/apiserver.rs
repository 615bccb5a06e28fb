//! The API server dies or falls silent; its own cluster, since nobody else could work meanwhile.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ::testbed::{Cluster, Component, Mark, Options, Room};

use super::pause::Pause;
use super::{app, released, updated_with_unready_pods};
use crate::plugin::{Outcome, rollback};

/// One cluster for the tests of this file, one after another.
fn own() -> MutexGuard<'static, Cluster> {
    static OWN: OnceLock<Mutex<Cluster>> = OnceLock::new();
    let start = || {
        // A server that is away for a while on a busy machine must not cost the nodes their good name as well: their pods would
        // cease to be Ready.
        let options = Options { node_grace: Duration::from_secs(60), ..Options::default() };
        let started = Cluster::start(&options);
        Mutex::new(started.unwrap_or_else(|error| panic!("no cluster: {error}")))
    };
    let cluster = OWN.get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner);
    // A test that failed may have left it silent.
    cluster.component(Component::Apiserver).thaw();
    cluster
}

/// Done, and one write of the template: a generation more, and no more patches that were accepted.
#[track_caller]
fn done_once(room: &Room<'_>, mark: Mark, outcome: &Outcome) {
    outcome.expect("done", 0);
    assert!(outcome.err.contains("the API server responds again"), "{outcome}");
    assert_eq!(room.image("Deployment", "web"), app(1));
    assert!(room.is_rolled_out("Deployment", "web"), "{outcome}");
    assert_eq!(room.workload("Deployment", "web")["metadata"]["generation"], 3, "{outcome}");
    let patches = room.writes(mark, "kubectl-rollback-to").changes();
    let patches = patches.filter(|entry| entry.verb == "patch" && entry.code == 200);
    assert!(patches.len() <= 1, "{patches}");
}

#[test]
fn a_rollback_survives_the_death_of_the_apiserver_while_it_watches() {
    let cluster = own();
    let room = cluster.room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 2, super::surge_only);
    let mark = cluster.audit_mark();
    let run = rollback(&room, &["deployment/web", "--to-revision=1"]).spawn();
    run.wait_for_output("0 of 2 updated pods available");
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.kill();
    run.wait_for_output("waiting for the API server");
    apiserver.restart();
    done_once(&room, mark, &released(&room, run));
}

#[test]
fn a_rollback_survives_the_death_of_the_apiserver_just_after_the_write() {
    let cluster = own();
    let room = cluster.room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 2, super::surge_only);
    let mark = cluster.audit_mark();
    let run = rollback(&room, &["deployment/web", "--to-revision=1"]).spawn();
    run.wait_for_output("updated; waiting for its pods");
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.kill();
    run.wait_for_output("waiting for the API server");
    apiserver.restart();
    done_once(&room, mark, &released(&room, run));
}

#[test]
fn a_rollback_survives_the_death_of_the_apiserver_just_before_the_write() {
    let cluster = own();
    let room = cluster.room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 2, super::surge_only);
    let (pause, mark) = (Pause::new(&room), cluster.audit_mark());
    let run = pause.hold(rollback(&room, &["deployment/web", "--to-revision=1", "--diff=full"])).spawn();
    pause.reached(1);
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.kill();
    pause.go_on(1);
    run.wait_for_output("waiting for the API server");
    apiserver.restart();
    done_once(&room, mark, &released(&room, run));
}

/// The request arrives, and its answer does not: whether it was applied shows when the server speaks again.
#[test]
fn a_write_whose_answer_was_lost_is_not_made_twice() {
    let cluster = own();
    let room = cluster.room(1);
    updated_with_unready_pods(&room, "Deployment", "web", 2, super::surge_only);
    let (pause, mark) = (Pause::new(&room), cluster.audit_mark());
    let args = ["deployment/web", "--to-revision=1", "--diff=full", "--request-timeout=10s"];
    let run = pause.hold(rollback(&room, &args)).spawn();
    pause.reached(1);
    let apiserver = cluster.component(Component::Apiserver);
    apiserver.freeze();
    pause.go_on(1);
    run.wait_for_output("waiting for the API server");
    apiserver.thaw();
    done_once(&room, mark, &released(&room, run));
}
