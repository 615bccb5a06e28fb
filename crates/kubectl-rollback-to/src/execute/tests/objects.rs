//! The objects of these tests, and what their controllers do.

use cluster_model::Raw;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::world::{DEPLOYMENTS, PODS, REVISIONS, STATEFULSETS, World};

fn template(name: &str, image: &str) -> Value {
    json!({"metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "web", "image": image, "newField": {"kept": true}}]}})
}

pub fn deployment(name: &str, image: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "shop", "name": name, "uid": format!("uid-{name}"), "generation": 1,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
            "managedFields": [{"manager": "helm", "operation": "Apply", "apiVersion": "apps/v1",
                "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}":
                    {".": {}, "f:image": {}, "f:name": {}}}}}}}}]},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "strategy": {"type": "RollingUpdate"},
            "template": template(name, image)},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}})
}

pub fn replicaset(owner: &Value, image: &str, number: i64) -> Value {
    let hash = image.replace('.', "");
    let mut template = template(owner.name(), image);
    template["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"namespace": "shop", "name": format!("{}-{hash}", owner.name()),
            "uid": format!("uid-{}-{hash}", owner.name()), "labels": {"app": owner.name(), "pod-template-hash": hash},
            "annotations": {"deployment.kubernetes.io/revision": number.to_string()},
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": owner.name(),
                "uid": owner.uid(), "controller": true}]},
        "spec": {"replicas": 1, "template": template}, "status": {}})
}

pub fn statefulset() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"namespace": "shop", "name": "db", "uid": "uid-db", "generation": 1},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "db"}}, "podManagementPolicy": "OrderedReady",
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "template": template("db", "now")},
        "status": {"observedGeneration": 1, "replicas": 2, "currentRevision": "db-good", "updateRevision": "db-now"}})
}

pub fn revision(owner: &Value, image: &str, number: i64) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": number,
        "metadata": {"namespace": "shop", "name": format!("db-{image}"), "uid": format!("uid-db-{image}"),
            "labels": {"app": "db", "controller-revision-hash": image}, "creationTimestamp": "2026-01-01T00:00:00Z",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": owner.uid(),
                "controller": true}]},
        "data": {"spec": {"template": template("db", image)}}})
}

/// Of this revision, Ready or in a crash loop.
pub fn pod(owner: &Value, name: &str, revision: &str, kind: &str, ready: bool) -> Value {
    let now = Timestamp::now().to_string();
    let is_set = kind == "StatefulSet";
    let hash = revision.rsplit('-').next().unwrap();
    let (label, value) =
        if is_set { ("controller-revision-hash", revision) } else { ("pod-template-hash", hash) };
    let (owner_name, owner_uid) = if is_set {
        ("db".to_owned(), "uid-db".to_owned())
    } else {
        (revision.to_owned(), format!("uid-{revision}"))
    };
    let state = if ready {
        json!({"running": {"startedAt": now}})
    } else {
        json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}})
    };
    let count = if ready { 0 } else { 3 };
    let terminated = json!({"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": now}});
    let last = if ready { json!({}) } else { terminated };
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "shop", "name": name, "uid": format!("uid-{name}-{hash}"), "creationTimestamp": now,
            "labels": {"app": owner["spec"]["selector"]["matchLabels"]["app"], label: value},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": if is_set { kind } else { "ReplicaSet" },
                "name": owner_name, "uid": owner_uid, "controller": true}]},
        "spec": {"nodeName": "n", "containers": [{"name": "web", "image": "x"}]},
        "status": {"phase": "Running", "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": now},
                {"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": now}],
            "containerStatuses": [{"name": "web", "image": "x", "imageID": "", "ready": ready, "restartCount": count,
                "state": state, "lastState": last}]}})
}

/// What the Deployment's and the ReplicaSet's controllers do at once: image `good…` becomes available, `bad…` crashes, `slow…` waits.
pub fn control_deployment(world: &World, collection: &str, object: &Value) {
    if collection != DEPLOYMENTS {
        return;
    }
    let name = object.name();
    let image = world.image(DEPLOYMENTS, name);
    let revision = format!("{name}-{image}");
    for other in ["now", "good", "bad", "slow"] {
        world.remove(PODS, &format!("{name}-{other}-0"));
    }
    let ready = !image.starts_with("bad");
    let observed = &object["metadata"]["generation"];
    if image.starts_with("slow") {
        world.edit(
            DEPLOYMENTS,
            name,
            json!({"status": {"observedGeneration": observed, "updatedReplicas": 0}}),
        );
        return;
    }
    world.put(PODS, pod(object, &format!("{name}-{image}-0"), &revision, "ReplicaSet", ready));
    let available = i64::from(ready);
    world.edit(
        DEPLOYMENTS,
        name,
        json!({"status": {"observedGeneration": observed, "replicas": 1, "updatedReplicas": 1,
            "readyReplicas": available, "availableReplicas": available}}),
    );
}

/// What the StatefulSet's controller does at once: a pod that is missing is made from the newest template, one that is Ready and old
/// is replaced if nothing before it is broken.
pub fn control_statefulset(world: &World, collection: &str, object: &Value) {
    if collection == REVISIONS {
        return;
    }
    let set = world.get(STATEFULSETS, "db").unwrap();
    let image = world.image(STATEFULSETS, "db");
    let update = format!("db-{image}");
    if collection == STATEFULSETS {
        world.edit(REVISIONS, &update, json!({"revision": 3}));
    }
    let gone = if collection == PODS { object.name() } else { "" };
    for name in ["db-0", "db-1"] {
        let is_old = world
            .get(PODS, name)
            .is_some_and(|pod| pod["metadata"]["labels"]["controller-revision-hash"] != update);
        if name == gone || (is_old && name == "db-0" && !gone.is_empty()) {
            world.remove(PODS, name);
            world.put(PODS, pod(&set, name, &update, "StatefulSet", true));
        }
    }
    let pods = ["db-0", "db-1"].map(|name| world.get(PODS, name).unwrap());
    let good =
        pods.iter().filter(|pod| pod["metadata"]["labels"]["controller-revision-hash"] == update).count();
    let current = if good == 2 { &update } else { "db-good" };
    world.edit(
        STATEFULSETS,
        "db",
        json!({"status": {"observedGeneration": set["metadata"]["generation"], "updateRevision": update,
            "currentRevision": current, "replicas": 2, "readyReplicas": good.max(1), "availableReplicas": good.max(1),
            "updatedReplicas": good}}),
    );
}
