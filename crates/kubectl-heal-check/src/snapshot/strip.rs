//! What is dropped of every object as soon as it was read: what nothing here reads, and what may hold secrets.

use cluster_model::Raw;
use serde_json::{Value, json};

/// Where objects have the spec of pods.
const POD_SPECS: [&str; 2] = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];

/// Of a PersistentVolume: what its driver is given to mount it may be secret.
const OF_VOLUMES: [&str; 6] =
    ["accessModes", "claimRef", "hostPath", "local", "nodeAffinity", "storageClassName"];

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
    if object["kind"] == "PersistentVolume"
        && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.retain(|field, _| OF_VOLUMES.contains(&field.as_str()));
    }
    for at in POD_SPECS {
        if let Some(spec) = object.pointer_mut(at) {
            containers(spec);
        }
    }
}

/// The environment, the command and the arguments of the containers of a pod's spec.
pub fn containers(spec: &mut Value) {
    for field in ["containers", "initContainers", "ephemeralContainers"] {
        for container in spec.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
            let is_leader = ["/args", "/command"]
                .iter()
                .flat_map(|at| container.list(at))
                .find(|it| is_leader_election(it))
                .cloned();
            if let Some(container) = container.as_object_mut() {
                for secret in ["env", "envFrom", "command", "args"] {
                    container.remove(secret);
                }
                if let Some(argument) = is_leader {
                    container.insert("args".to_owned(), json!([argument]));
                }
            }
        }
    }
}

/// The one argument that is kept: `--leader-elect`, `--enable-leader-election=true`.
pub fn is_leader_election(argument: &Value) -> bool {
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
        let deployment = json!({"kind": "Deployment", "metadata": {"name": "web", "managedFields": [], "annotations": {}},
            "spec": {"replicas": 2, "template": {"spec": pod}}});
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
}
