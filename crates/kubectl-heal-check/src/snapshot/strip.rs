//! What is dropped of every object as soon as it was read: what nothing here reads, and what may hold secrets.

use cluster_model::Raw;
use serde_json::Value;

use crate::ignores::annotation;

/// Where objects have the spec of pods.
const POD_SPECS: [&str; 2] = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];

pub fn object(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|key, _| key == annotation::KEY);
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    // Of a ReplicaSet whose Deployment has the template nothing but its owner is read.
    if object["kind"] == "ReplicaSet" && object.controller_ref().is_some_and(|it| it["kind"] == "Deployment")
    {
        object["spec"] = Value::Null;
        return;
    }
    for at in POD_SPECS {
        if let Some(spec) = object.pointer_mut(at) {
            environment(spec);
        }
    }
}

/// The environment of the containers of a pod's spec.
pub fn environment(spec: &mut Value) {
    for field in ["containers", "initContainers", "ephemeralContainers"] {
        for container in spec.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                container.remove("env");
                container.remove("envFrom");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn environments_and_bookkeeping_are_dropped() {
        let pod =
            json!({"containers": [{"name": "a", "env": [{"name": "TOKEN", "value": "x"}], "envFrom": []}]});
        let mut deployment = json!({"kind": "Deployment", "metadata": {"name": "web", "managedFields": [], "annotations": {"a": "TOKEN"}},
            "spec": {"replicas": 2, "template": {"spec": pod}}});
        object(&mut deployment);
        let mut ignores =
            json!({"metadata": {"annotations": {"a": "TOKEN", "kubectl-heal-check/ignore": "HC203=x"}}});
        object(&mut ignores);
        assert_eq!(ignores, json!({"metadata": {"annotations": {"kubectl-heal-check/ignore": "HC203=x"}}}));
        let kept = json!({"containers": [{"name": "a"}]});
        assert_eq!(
            deployment,
            json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2, "template": {"spec": kept}}})
        );
    }
}
