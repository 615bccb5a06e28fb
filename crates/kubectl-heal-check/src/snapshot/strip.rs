//! What is dropped of every object as soon as it was read: what nothing here reads, and what may hold secrets.

use std::collections::BTreeSet;

use cluster_model::{Raw, managed_fields};
use k8s_openapi::jiff::Timestamp;
use plugin_client::api::listed_object::TEMPLATE_OWNERS;
use serde_json::{Value, json};

use super::{annotation_key, event, hosts};

/// Where objects have the spec of pods.
const POD_SPECS: [&str; 2] = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];

/// Of a PersistentVolume: what its driver is given to mount it may be secret.
const OF_VOLUMES: [&str; 6] =
    ["accessModes", "claimRef", "hostPath", "local", "nodeAffinity", "storageClassName"];

pub fn object(object: &mut Value) {
    match object.text("/kind") {
        "ConfigMap" | "Secret" => return *object = keys(object),
        "EndpointSlice" => return *object = ready_endpoints(object),
        "Event" => return *object = event::shortened(object).unwrap_or_default(),
        _ => {}
    }
    let (changed, written) = (changed(object), written(object));
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|key, _| key == annotation_key::KEY);
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    if let Some(at) = changed {
        object["changed"] = json!(at.to_string());
    }
    // Of one whose owner has the template, that is not read again.
    let owner = object.controller_ref().map_or("", |it| it.text("/kind"));
    if matches!(object.text("/kind"), "ReplicaSet" | "Job") && TEMPLATE_OWNERS.contains(&owner) {
        object["spec"] = Value::Null;
        return;
    }
    if let Some(at) = written {
        object[WRITTEN] = json!(at.to_string());
    }
    if object["kind"] == "PersistentVolume"
        && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.retain(|field, _| OF_VOLUMES.contains(&field.as_str()));
    }
    let mut hosts = BTreeSet::new();
    for at in POD_SPECS {
        if let Some(spec) = object.pointer_mut(at) {
            hosts.extend(containers(spec));
        }
    }
    keep_hosts(object, &hosts);
}

/// Beside the object's own fields: what is left of its environment.
const HOSTS: &str = "hosts";

pub fn keep_hosts(object: &mut Value, hosts: &BTreeSet<String>) {
    if !hosts.is_empty() {
        object[HOSTS] = hosts.iter().map(String::as_str).collect();
    }
}

/// The hosts that its environment named.
pub fn hosts(object: &Value) -> BTreeSet<String> {
    let all = object[HOSTS].as_array().into_iter().flatten();
    all.filter_map(|host| host.as_str().map(str::to_owned)).collect()
}

/// What is there, and the keys that it has: as far as its managedFields list them.
fn keys(object: &Value) -> Value {
    json!({"kind": object["kind"], "keys": managed_fields::keys(object),
        "metadata": {"namespace": object.text("/metadata/namespace"), "name": object.name()}})
}

/// Its controller has not seen its last change.
pub fn is_behind<J: Raw>(object: &J) -> bool {
    let generation = object.number("/metadata/generation");
    generation.is_some() && object.number("/status/observedGeneration") < generation
}

/// Its Service, and how many endpoints get traffic. One that does not say whether it is ready does (`discovery/v1`, EndpointConditions).
fn ready_endpoints(slice: &Value) -> Value {
    let all = slice.list("/endpoints").iter();
    let ready = all.filter(|it| it["conditions"]["ready"] != false).count();
    let labels = slice["metadata"]["labels"].clone();
    json!({"kind": slice["kind"], "ready": ready,
        "metadata": {"namespace": slice.text("/metadata/namespace"), "name": slice.name(), "labels": labels}})
}

/// When what its controller has not seen yet was written; managedFields are not kept for more.
fn changed(object: &Value) -> Option<Timestamp> {
    if !is_behind(object) {
        return None;
    }
    let of_spec =
        managed_fields::entries(object).filter(|it| it.subresource.is_empty() || it.subresource == "scale");
    of_spec.filter_map(|it| it.time).max()
}

/// Beside the object's own fields: when its spec, or something beside it, was written last.
pub const WRITTEN: &str = "written";

/// Of what pods are made with, and which does not report of which state they are: whether one is older than the last change.
fn written(object: &Value) -> Option<Timestamp> {
    let kinds = ["LimitRange", "RuntimeClass", "ReplicaSet", "ReplicationController"];
    let entries = managed_fields::entries(object).filter(|it| it.subresource.is_empty());
    entries.filter_map(|it| it.time).max().filter(|_| kinds.contains(&object.text("/kind")))
}

/// Of the environment, the command and the arguments of the containers of a pod's spec only what the environment refers to is kept, and whether
/// a leader is elected. Returned are the hosts that the environment names.
pub fn containers(spec: &mut Value) -> BTreeSet<String> {
    let hosts = hosts::of_spec(spec);
    for field in ["containers", "initContainers", "ephemeralContainers"] {
        for container in spec.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
            let is_leader = ["/args", "/command"]
                .iter()
                .flat_map(|at| container.list(at))
                .find(|it| is_leader_election(*it))
                .cloned();
            if let Some(container) = container.as_object_mut() {
                let env = container.get_mut("env").and_then(Value::as_array_mut);
                if let Some(env) = env {
                    env.retain(|it| !it["valueFrom"].is_null());
                    env.iter_mut().filter_map(Value::as_object_mut).for_each(|it| drop(it.remove("value")));
                }
                for list in ["env", "envFrom"] {
                    if container.get(list).and_then(Value::as_array).is_none_or(Vec::is_empty) {
                        container.remove(list);
                    }
                }
                for secret in ["command", "args"] {
                    container.remove(secret);
                }
                if let Some(argument) = is_leader {
                    container.insert("args".to_owned(), json!([argument]));
                }
            }
        }
    }
    hosts
}

/// The one argument that is kept: `--leader-elect`, `--enable-leader-election=true`.
pub fn is_leader_election<J: Raw>(argument: &J) -> bool {
    let Some((dashes, rest)) =
        argument.as_str().map(|it| it.split_at(it.len() - it.trim_start_matches('-').len()))
    else {
        return false;
    };
    let (name, value) = rest.split_once('=').unwrap_or((rest, "true"));
    let names = ["leader-elect", "enable-leader-election", "leader-election", "enable-leader-elect"];
    matches!(dashes, "-" | "--") && names.contains(&name) && value == "true"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(mut object: Value) -> Value {
        super::object(&mut object);
        object
    }

    #[test]
    fn what_may_be_secret_and_bookkeeping_are_dropped() {
        let pod = json!({"containers": [{"name": "a", "env": [{"name": "TOKEN", "value": "x"}], "envFrom": [],
            "command": ["app", "--token=x"], "args": ["-p", "x"]}]});
        let deployment = json!({"kind": "Deployment", "metadata": {"name": "web", "managedFields": [], "annotations": {"a": "TOKEN"}},
            "spec": {"replicas": 2, "template": {"spec": pod}}});
        let ignores =
            json!({"metadata": {"annotations": {"a": "TOKEN", "kubectl-heal-check/ignore": "HC203=x"}}});
        assert_eq!(
            stripped(ignores),
            json!({"metadata": {"annotations": {"kubectl-heal-check/ignore": "HC203=x"}}})
        );
        let kept = json!({"containers": [{"name": "a"}]});
        assert_eq!(
            stripped(deployment),
            json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2, "template": {"spec": kept}}})
        );
        let volume = json!({"kind": "PersistentVolume", "spec": {"accessModes": ["ReadWriteOnce"], "csi": {"volumeAttributes": {"password": "x"}}}});
        assert_eq!(
            stripped(volume),
            json!({"kind": "PersistentVolume", "spec": {"accessModes": ["ReadWriteOnce"]}})
        );
    }

    #[test]
    fn a_template_that_its_owner_has_is_not_kept_again() {
        let has_template = |kind: &str, owner: &str| {
            let owners = json!([{"kind": owner, "name": "o", "uid": "o", "controller": true}]);
            let object = json!({"kind": kind, "metadata": {"name": "x", "ownerReferences": owners}, "spec": {"template": {}}});
            stripped(object)["spec"]["template"].is_object()
        };
        assert!(!has_template("ReplicaSet", "Deployment"));
        assert!(has_template("ReplicaSet", "Rollout"), "its owner is not read");
        assert!(!has_template("Job", "CronJob"));
        assert!(has_template("DaemonSet", "Deployment"));
    }

    #[test]
    fn of_the_arguments_only_that_a_leader_is_elected_is_kept() {
        for (arguments, kept) in [
            (json!(["--leader-elect"]), true),
            (json!(["-v=2", "--enable-leader-election=true"]), true),
            (json!(["--leader-elect=false"]), false),
            (json!(["--leader-elect-secret=x"]), false),
            (json!(["leader-elect"]), false),
        ] {
            let mut spec = json!({"containers": [{"args": arguments}]});
            containers(&mut spec);
            assert_eq!(spec["containers"][0]["args"].is_array(), kept, "{arguments}");
        }
    }

    #[test]
    fn what_an_environment_refers_to_is_kept() {
        let key = json!({"configMapKeyRef": {"name": "a", "key": "k"}});
        let mut spec = json!({"containers": [{"name": "a", "envFrom": [{"secretRef": {"name": "b"}}],
            "env": [{"name": "TOKEN", "value": "x"}, {"name": "K", "valueFrom": key}]}]});
        containers(&mut spec);
        assert_eq!(
            spec,
            json!({"containers": [{"name": "a", "envFrom": [{"secretRef": {"name": "b"}}], "env": [{"name": "K", "valueFrom": key}]}]})
        );
    }

    #[test]
    fn of_a_secret_only_its_keys_are_kept() {
        let mut secret = json!({"kind": "Secret", "metadata": {"namespace": "shop", "name": "db",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"password\":\"eA==\"}}"},
            "managedFields": [{"manager": "x", "fieldsV1": {"f:data": {"f:password": {}}}}]}, "data": {"password": "eA=="}});
        object(&mut secret);
        assert_eq!(
            secret,
            json!({"kind": "Secret", "keys": ["password"], "metadata": {"namespace": "shop", "name": "db"}})
        );
    }

    #[test]
    fn of_a_slice_the_endpoints_that_get_traffic_are_counted() {
        let endpoint = |conditions: Value| json!({"addresses": ["10.0.0.1"], "conditions": conditions});
        let all = [endpoint(json!({"ready": true})), endpoint(json!({"ready": false})), endpoint(json!({}))];
        let labels = json!({"kubernetes.io/service-name": "web"});
        let slice = json!({"kind": "EndpointSlice", "metadata": {"namespace": "shop", "name": "web-1", "labels": labels},
            "endpoints": all});
        assert_eq!(
            stripped(slice),
            json!({"kind": "EndpointSlice", "ready": 2, "metadata": {"namespace": "shop", "name": "web-1", "labels": labels}})
        );
    }

    #[test]
    fn the_time_of_a_change_that_was_not_observed() {
        let entry =
            |subresource: &str, time: &str| json!({"manager": "x", "subresource": subresource, "time": time});
        let object_at = |observed: i64| {
            let mut found = json!({"kind": "Deployment", "metadata": {"generation": 2, "managedFields":
                [entry("", "2026-01-01T00:00:00Z"), entry("status", "2026-01-01T00:05:00Z")]}, "status": {"observedGeneration": observed}});
            object(&mut found);
            found.text("/changed").to_owned()
        };
        assert_eq!((object_at(1).as_str(), object_at(2).as_str()), ("2026-01-01T00:00:00Z", ""));
    }
}
