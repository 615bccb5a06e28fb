//! Updates that stop half-way on purpose: a partition, and OnDelete.

use ::testbed::{Room, shared, wait};
use serde_json::{Value, json};

use super::{PATIENCE, app, image_of, images, pods, uid, updated};
use crate::plugin::rollback;

fn partition(room: &Room<'_>, name: &str, partition: usize) {
    let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}});
    room.cluster().merge(&room.path_of("StatefulSet", name), &json!({"spec": {"updateStrategy": strategy}}));
}

/// Deletes a pod and waits for the one that comes in its place.
#[track_caller]
fn replaced(room: &Room<'_>, pod: &str) -> Value {
    let path = room.path_of("Pod", pod);
    let before = room.cluster().get(&path);
    room.cluster().delete(&path);
    wait(&format!("another {pod}"), PATIENCE, || {
        let now = room.cluster().try_get(&path)?;
        (uid(&now) != uid(&before) && now["status"]["phase"] == "Running").then_some(now)
    })
}

/// `statefulset.go`: canary, then a phased rolling update.
#[test]
fn a_canary_goes_back_and_pods_below_the_partition_stay_untouched() {
    let room = shared().room(1);
    room.statefulset("db", 3);
    room.rolled_out("StatefulSet", "db");
    partition(&room, "db", 2);
    updated(&room, "StatefulSet", "db", 2);
    assert_eq!(images(&room, "db"), [app(1), app(1), app(2)]);
    let kept: Vec<String> = pods(&room, "db")[..2].iter().map(|pod| uid(pod).to_owned()).collect();

    // All of its pods are at the old revision then: nothing is held back.
    rollback(&room, &["statefulset/db", "--previous"]).run().expect("done", 0);
    assert_eq!(images(&room, "db"), [app(1), app(1), app(1)]);
    assert_eq!(pods(&room, "db")[..2].iter().map(uid).collect::<Vec<_>>(), kept);
}

#[test]
fn a_phased_rollback_follows_the_partition_and_a_deleted_pod_below_it_comes_back_as_it_was() {
    let room = shared().room(1);
    room.statefulset("db", 3);
    room.rolled_out("StatefulSet", "db");
    updated(&room, "StatefulSet", "db", 2);
    partition(&room, "db", 2);
    let outcome = rollback(&room, &["statefulset/db", "--previous"]).run();
    outcome.expect("partial", 4);
    assert!(
        outcome.finding("partition-holds-back")["message"].to_string().contains("db-0 to db-1"),
        "{outcome}"
    );
    let cause = outcome.report()["workloads"][0]["cause"].take();
    assert_eq!(cause, "1 of 3: the partition excludes db-0 and db-1", "{outcome}");
    assert_eq!(images(&room, "db"), [app(2), app(2), app(1)]);

    // Below it the revision that was rolled out last is kept, above it the new one.
    assert_eq!(image_of(&replaced(&room, "db-0")), app(2));
    assert_eq!(image_of(&replaced(&room, "db-2")), app(1));
    room.ready("db", 3);

    for (next, expected) in [(1, [app(2), app(1), app(1)]), (0, [app(1), app(1), app(1)])] {
        partition(&room, "db", next);
        room.rolled_out("StatefulSet", "db");
        assert_eq!(images(&room, "db"), expected);
    }
    rollback(&room, &["statefulset/db", "--to-revision=3"]).run().expect("unchanged", 0);
}

/// `statefulset.go`: "should implement legacy replacement when the update strategy is OnDelete"; a DaemonSet has the same one.
#[test]
fn with_on_delete_pods_go_back_as_they_are_deleted() {
    let room = shared().room(2);
    let on_delete = |object: &mut Value| object["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    room.statefulset_with("db", 2, on_delete);
    room.daemonset_with("agent", on_delete);
    for (kind, name) in [("StatefulSet", "db"), ("DaemonSet", "agent")] {
        room.rolled_out(kind, name);
        room.update(kind, name, &app(2), None);
        room.observed(kind, name);
        for pod in pods(&room, name) {
            room.cluster().delete(&room.path_of("Pod", pod["metadata"]["name"].as_str().unwrap()));
        }
        wait("all pods of the update", PATIENCE, || (images(&room, name) == [app(2), app(2)]).then_some(()));
        room.ready(name, 2);

        let word = format!("{}/{name}", kind.to_lowercase());
        let outcome = rollback(&room, &[&word, "--previous"]).run();
        outcome.expect("partial", 4);
        assert_eq!(outcome.finding("on-delete")["severity"], "warning");
        assert_eq!(outcome.report()["workloads"][0]["cause"], "OnDelete: 2 pods still run the old template");
        assert_eq!(images(&room, name), [app(2), app(2)], "{kind}: it deleted none itself");

        let first = pods(&room, name)[0]["metadata"]["name"].as_str().unwrap().to_owned();
        room.cluster().delete(&room.path_of("Pod", &first));
        wait("one pod to go back", PATIENCE, || {
            let now = images(&room, name);
            (now.len() == 2 && now.contains(&app(1)) && now.contains(&app(2))).then_some(())
        });
    }
}
