//! StatefulSets: `test/e2e/apps/statefulset.go` (rollbackTest) and TestStatefulSetControlRollback of its controller.

use ::testbed::{annotate, shared, wait};
use serde_json::{Value, json};

use super::{PATIENCE, app, broken, images, pods, uid, unwell, well};
use crate::plugin::rollback;

/// The revision that pods of a StatefulSet were made from.
fn hashes(pods: &[Value]) -> Vec<&str> {
    let labels = pods.iter().map(|pod| &pod["metadata"]["labels"]["controller-revision-hash"]);
    labels.map(|hash| hash.as_str().unwrap_or_default()).collect()
}

#[test]
fn a_half_updated_statefulset_ends_at_the_revision_before_with_every_hash_and_image() {
    let room = shared().room(1);
    for (name, policy) in [("ordered", "OrderedReady"), ("burst", "Parallel")] {
        room.statefulset_with(name, 3, |set| set["spec"]["podManagementPolicy"] = json!(policy));
    }
    for name in ["ordered", "burst"] {
        room.rolled_out("StatefulSet", name);
        let prior = room.workload("StatefulSet", name)["status"]["currentRevision"].take();
        let untouched: Vec<String> = pods(&room, name)[..2].iter().map(|pod| uid(pod).to_owned()).collect();
        room.update("StatefulSet", name, &app(2), Some("never-ready"));
        broken(&room, name, &app(2));
        let word = format!("statefulset/{name}");
        rollback(&room, &[&word, "--previous", "--unstick"]).run().expect("done", 0);

        let status = room.rolled_out("StatefulSet", name)["status"].take();
        assert_eq!((&status["updateRevision"], &status["currentRevision"]), (&prior, &prior), "{name}");
        let now = pods(&room, name);
        assert_eq!(hashes(&now), [prior.as_str().unwrap(); 3], "{name}");
        assert_eq!(images(&room, name), [app(1), app(1), app(1)], "{name}");
        assert_eq!(now[..2].iter().map(uid).collect::<Vec<_>>(), untouched, "{name}");
    }
}

/// In the middle of the rollback a pod that has not had its turn stops being ready, and is ready again.
#[test]
fn a_pod_that_is_not_ready_for_a_while_only_delays_a_rollback() {
    let room = shared().room(1);
    // Pods of the version gone back to take a moment, so that there is a middle.
    room.statefulset_with("db", 2, |set| {
        set["spec"]["podManagementPolicy"] = json!("OrderedReady");
        annotate(set, "testbed/ready-after", "1s");
    });
    room.rolled_out("StatefulSet", "db");
    let prior = room.workload("StatefulSet", "db")["status"]["currentRevision"].take();
    room.set_template("StatefulSet", "db", |template| {
        template["spec"]["containers"][0]["image"] = json!(app(2));
        template["metadata"]["annotations"] = json!({});
    });
    room.rolled_out("StatefulSet", "db");

    let running = rollback(&room, &["statefulset/db", "--previous"]).spawn();
    wait("the first pod to go back", PATIENCE, || {
        (images(&room, "db").last() == Some(&app(1))).then_some(())
    });
    unwell(&room, "db-0");
    assert!(!room.is_rolled_out("StatefulSet", "db") && !running.is_over());
    // If it had its turn meanwhile, this is another pod.
    well(&room, "db-0");

    running.finish().expect("done", 0);
    let status = room.rolled_out("StatefulSet", "db")["status"].take();
    assert_eq!((&status["updateRevision"], &status["currentRevision"]), (&prior, &prior));
    assert_eq!(hashes(&room.ready("db", 2)), [prior.as_str().unwrap(); 2]);
    assert_eq!(images(&room, "db"), [app(1), app(1)]);
}

/// {monotonic, burst} × {image, image and scaled up, image and scaled down}.
#[test]
fn a_statefulset_that_is_scaled_while_it_is_rolled_back_ends_with_both() {
    let room = shared().room(1);
    let cases = [
        ("ordered", "OrderedReady", 3),
        ("ordered-up", "OrderedReady", 5),
        ("ordered-down", "OrderedReady", 1),
        ("burst", "Parallel", 3),
        ("burst-up", "Parallel", 5),
        ("burst-down", "Parallel", 1),
    ];
    for (name, policy, _) in cases {
        room.statefulset_with(name, 3, |set| set["spec"]["podManagementPolicy"] = json!(policy));
    }
    for (name, ..) in cases {
        room.rolled_out("StatefulSet", name);
        room.update("StatefulSet", name, &app(2), None);
    }
    let running: Vec<_> = cases
        .iter()
        .map(|(name, _, replicas)| {
            room.rolled_out("StatefulSet", name);
            let running = rollback(&room, &[&format!("statefulset/{name}"), "--previous"]).spawn();
            wait("the write", PATIENCE, || (room.image("StatefulSet", name) == app(1)).then_some(()));
            let scaled = json!({"spec": {"replicas": replicas}});
            room.cluster().merge(&room.path_of("StatefulSet", name), &scaled);
            running
        })
        .collect();
    for ((name, _, replicas), running) in cases.into_iter().zip(running) {
        running.finish().expect("done", 0);
        room.rolled_out("StatefulSet", name);
        room.ready(name, replicas);
        assert_eq!(images(&room, name), vec![app(1); replicas], "{name}");
        assert_eq!(room.images("StatefulSet", name), [(2, app(2)), (3, app(1))], "{name}");
    }
}
