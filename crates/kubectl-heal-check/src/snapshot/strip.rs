//! What is dropped of every object as soon as it was read: what nothing here reads, and what may hold secrets.

use std::collections::BTreeSet;

use cluster_model::Raw;
use serde_json::Value;

use super::hosts;

/// Where objects have the spec of pods.
const POD_SPECS: [&str; 2] = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];

pub fn object(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        metadata.remove("annotations");
    }
    // Of a ReplicaSet whose Deployment has the template nothing but its owner is read.
    if object["kind"] == "ReplicaSet" && object.controller_ref().is_some_and(|it| it["kind"] == "Deployment")
    {
        object["spec"] = Value::Null;
        return;
    }
    let mut hosts = BTreeSet::new();
    for at in POD_SPECS {
        if let Some(spec) = object.pointer_mut(at) {
            hosts.extend(environment(spec));
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

/// Drops the environment of the containers of a pod's spec. Returned are the hosts that it names.
pub fn environment(spec: &mut Value) -> BTreeSet<String> {
    let hosts = hosts::of_spec(spec);
    for field in ["containers", "initContainers", "ephemeralContainers"] {
        for container in spec.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                container.remove("env");
                container.remove("envFrom");
            }
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn environments_and_bookkeeping_are_dropped() {
        let pod =
            json!({"containers": [{"name": "a", "env": [{"name": "TOKEN", "value": "x"}], "envFrom": []}]});
        let mut deployment = json!({"kind": "Deployment", "metadata": {"name": "web", "managedFields": [], "annotations": {}},
            "spec": {"replicas": 2, "template": {"spec": pod}}});
        object(&mut deployment);
        let kept = json!({"containers": [{"name": "a"}]});
        assert_eq!(
            deployment,
            json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2, "template": {"spec": kept}}})
        );
    }
}
