//! A drain of a node whose pods take their grace.

use std::time::{Duration, Instant};

use ::testbed::{Room, plugins_dir};
use serde_json::json;

use crate::cluster::alone;
use crate::plugin::drain;

const GRACE: u64 = 10;

/// Two that ignore SIGTERM for ten seconds, and three that obey.
fn workloads(room: &Room<'_>) {
    for (name, replicas, command) in [
        ("stubborn", 2, "trap '' TERM; while :; do sleep 0.1; done"),
        ("obedient", 3, "trap 'exit 0' TERM; while :; do sleep 0.1; done"),
    ] {
        room.deployment_with(name, replicas, |object| {
            let spec = &mut object["spec"]["template"]["spec"];
            spec["terminationGracePeriodSeconds"] = json!(GRACE);
            spec["containers"][0]["command"] = json!(["sh", "-c", command]);
        });
    }
    room.ready("stubborn", 2);
    room.ready("obedient", 3);
}

/// safe-drain ends with the longest grace, and not later than kubectl beside it.
#[test]
fn a_drain_takes_as_long_as_the_longest_grace() {
    let cluster = alone();
    // The first use builds the plugins, which takes longer than a drain.
    plugins_dir();
    let node = ::testbed::REAL_NODE;
    let timed = |run: &dyn Fn(&Room<'_>)| {
        let room = cluster.real_room();
        workloads(&room);
        let started = Instant::now();
        run(&room);
        let took = started.elapsed();
        assert_eq!(room.pods_on(node).len(), 0);
        room.kubectl(&["uncordon", node]);
        took
    };
    let ours = timed(&|room| {
        let (outcome, _) = drain(room, &[node]).watched();
        outcome.expect("drained", 0);
        assert_eq!(outcome.count("gone"), 5, "{outcome}");
    });
    let theirs = timed(&|room| {
        room.spare_node();
        room.kubectl(&["drain", node]);
    });
    for took in [ours, theirs] {
        assert!(took >= Duration::from_secs(GRACE), "{took:?}");
    }
    // Both poll or watch for the same ten seconds; a busy machine adds to either.
    assert!(ours < theirs.mul_f64(1.5), "ours {ours:?}, kubectl's {theirs:?}");
}
