//! The grace of pods that are deleted.

use std::time::{Duration, Instant};

use ::testbed::{PATIENCE, wait};
use serde_json::json;

use crate::cluster::shared;

/// One that ignores SIGTERM has all of its grace and then is killed; one that obeys goes at once.
#[test]
fn a_pod_that_ignores_sigterm_takes_its_whole_grace() {
    let cluster = shared();
    let room = cluster.real_room();
    let pod = |name: &str, grace: u64, command: &str| {
        room.pod_with(name, |pod| {
            pod["spec"]["terminationGracePeriodSeconds"] = json!(grace);
            pod["spec"]["containers"][0]["command"] = json!(["sh", "-c", command]);
        });
        room.ready(name, 1);
    };
    pod("stubborn", 4, "trap '' TERM; while :; do sleep 0.1; done");
    pod("obedient", 120, "trap 'exit 0' TERM; while :; do sleep 0.1; done");
    let gone_after = |name: &str| {
        let path = room.path("", &format!("pods/{name}"));
        let started = Instant::now();
        cluster.delete(&path);
        wait(&format!("{name} to be gone"), PATIENCE, || cluster.try_get(&path).is_none().then_some(()));
        started.elapsed()
    };
    assert!(gone_after("stubborn") >= Duration::from_secs(4));
    assert!(gone_after("obedient") < Duration::from_secs(120));
}
