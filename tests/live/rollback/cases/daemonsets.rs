//! DaemonSets in the middle of an update: `daemon/update_test.go`, SaveOldHealthyPods and AllOldPodsNotReady, with and without surge.

use ::testbed::{shared, wait};
use serde_json::{Value, json};

use super::{PATIENCE, app, broken, images, pods, uid, updated};
use crate::plugin::rollback;

#[test]
fn with_surge_every_old_healthy_pod_is_saved() {
    let room = shared().room(3);
    room.daemonset_with("agent", |set| {
        let surge = json!({"maxSurge": 1, "maxUnavailable": 0});
        set["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": surge});
    });
    room.rolled_out("DaemonSet", "agent");
    let old: Vec<String> = pods(&room, "agent").iter().map(|pod| uid(pod).to_owned()).collect();
    room.update("DaemonSet", "agent", &app(2), Some("image-pull-error"));
    broken(&room, "agent", &app(2));

    rollback(&room, &["daemonset/agent", "--previous"]).run().expect("done", 0);
    let now = room.ready("agent", 3);
    let mut now: Vec<&str> = now.iter().map(uid).collect();
    let mut old: Vec<&str> = old.iter().map(String::as_str).collect();
    now.sort_unstable();
    old.sort_unstable();
    assert_eq!(now, old);
}

#[test]
fn when_no_old_pod_is_ready_all_are_replaced_at_once() {
    let room = shared().room(3);
    room.daemonset("agent");
    room.rolled_out("DaemonSet", "agent");
    // All of them are on the bad version: it came with a strategy that asks for nothing.
    let at_once = |unavailable: Value| json!({"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": unavailable}}}});
    let path = room.path_of("DaemonSet", "agent");
    room.cluster().merge(&path, &at_once(json!("100%")));
    room.update("DaemonSet", "agent", &app(2), Some("image-pull-error"));
    wait("all pods to be bad ones", PATIENCE, || {
        (images(&room, "agent") == [app(2), app(2), app(2)]).then_some(())
    });
    broken(&room, "agent", &app(2));
    room.cluster().merge(&path, &at_once(json!(1)));
    rollback(&room, &["daemonset/agent", "--previous"]).run().expect("done", 0);
    room.ready("agent", 3);
    assert_eq!(images(&room, "agent"), [app(1), app(1), app(1)]);
}

/// The random walk's "kill", in the middle of a rollback.
#[test]
fn pods_that_are_killed_while_it_is_rolled_back_come_back_at_the_right_revision() {
    let room = shared().room(3);
    room.daemonset_with("agent", |set| ::testbed::annotate(set, "testbed/ready-after", "1s"));
    room.rolled_out("DaemonSet", "agent");
    updated(&room, "DaemonSet", "agent", 2);
    let running = rollback(&room, &["daemonset/agent", "--previous"]).spawn();
    wait("the first pod to go back", PATIENCE, || images(&room, "agent").contains(&app(1)).then_some(()));
    for pod in pods(&room, "agent") {
        // It may just be going.
        let _ = room.cluster().try_delete(&room.path_of("Pod", pod["metadata"]["name"].as_str().unwrap()));
    }
    running.finish().expect("done", 0);
    room.rolled_out("DaemonSet", "agent");
    room.ready("agent", 3);
    assert_eq!(images(&room, "agent"), [app(1), app(1), app(1)]);
}
