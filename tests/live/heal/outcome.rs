//! What the matrix predicts, and what the control plane then does.

use ::testbed::{PATIENCE, Room, annotate, shared, wait};
use serde_json::{Value, json};

use super::{leases, matrix_of, severity, verdicts};
use crate::plugin::{Outcome, heal_check};

fn check(room: &Room<'static>) -> Outcome {
    heal_check(room, &["-o", "json"]).run()
}

fn pods_of(room: &Room<'_>, app: &str) -> Vec<Value> {
    room.pods().into_iter().filter(|pod| pod["metadata"]["labels"]["app"] == app).collect()
}

fn short(object: &mut Value) {
    let toleration =
        |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1});
    object["spec"]["template"]["spec"]["tolerations"] =
        json!([toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")]);
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|it| it["type"] == "Ready" && it["status"] == "True")
}

/// A node falls silent: what was called healing has all of its pods again, what was not waits for the node.
#[test]
fn a_silent_node_does_what_the_matrix_says() {
    leases();
    let room = shared().room(2);
    let (lost, kept) = (room.nodes()[0].as_str(), room.nodes()[1].as_str());
    room.deployment_with("web", 2, short);
    // No kubelet ends it. kwok might, in the moment before it has noticed that the lease of the node is somebody else's.
    room.statefulset_with("db", 2, |object| {
        short(object);
        annotate(object, "testbed/failure", "stuck-terminating");
    });
    // Room for one of these on each node, and for no second one.
    room.deployment_with("wide", 2, |object| {
        short(object);
        object["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "20"}});
    });
    for app in ["web", "db", "wide"] {
        room.ready(app, 2);
    }
    let before = check(&room);
    assert_eq!(matrix_of(&before, "Deployment", "web")["nodeLoss"]["verdict"], "heals", "{before}");
    assert_eq!(matrix_of(&before, "StatefulSet", "db")["nodeLoss"]["verdict"], "wont", "{before}");
    assert_eq!(matrix_of(&before, "Deployment", "wide")["nodeLoss"]["verdict"], "wont", "{before}");
    assert!(verdicts(&before, "Deployment", "wide").ends_with(" wont"), "{before}");

    room.node_silent(lost);
    wait("the pods of web to be ready elsewhere", PATIENCE, || {
        let there = pods_of(&room, "web")
            .into_iter()
            .filter(|pod| is_ready(pod) && pod["spec"]["nodeName"] == kept)
            .count();
        (there == 2).then_some(())
    });
    wait("the replacement of wide to be found unschedulable", PATIENCE, || {
        let waits = |pod: &Value| {
            let conditions = pod["status"]["conditions"].as_array();
            conditions.into_iter().flatten().any(|it| it["type"] == "PodScheduled" && it["status"] == "False")
        };
        pods_of(&room, "wide").iter().any(waits).then_some(())
    });
    wait("the pod of db to be deleted", PATIENCE, || {
        pods_of(&room, "db").iter().any(|pod| !pod["metadata"]["deletionTimestamp"].is_null()).then_some(())
    });
    let db = pods_of(&room, "db");
    assert_eq!(db.len(), 2, "no pod of db is made before the one on the lost node is gone: {db:#?}");

    let after = check(&room);
    assert_eq!(after.code, 1, "{after}");
    assert_eq!(
        (severity(&after, "HC801"), severity(&after, "HC410")),
        ("error".into(), "error".into()),
        "{after}"
    );
    room.node_ready(lost);
}
