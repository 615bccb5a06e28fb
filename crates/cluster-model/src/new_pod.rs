//! The pod that a controller would make of a template, as far as admission and the scheduler look at it. Pure.

use serde_json::{Value, json};

use crate::raw::Raw;
use crate::rollout::{Ordinals, Revision, Rollout, same};

/// Named by the server, and only ever sent as a dry run. Of a StatefulSet it is the first one.
pub fn new_pod(rollout: &Rollout, template: &Value) -> Value {
    new_pod_of(rollout, template, Ordinals::of(&rollout.object).all.start)
}

/// The same with this ordinal, where pods have one.
pub fn new_pod_of(rollout: &Rollout, template: &Value, ordinal: i64) -> Value {
    let revision = rollout.revisions.iter().rev().find(|revision| same(&revision.template, template));
    let mut pod = pod_of(template, &rollout.id.namespace, &rollout.id.name, &owner(rollout, revision));
    let metadata = &mut pod["metadata"];
    if let Some(revision) = revision.filter(|revision| !revision.hash.is_empty()) {
        metadata["labels"][rollout.id.kind.hash_label()] = json!(revision.hash);
    }
    rollout.id.kind.rules().complete_pod(&mut pod, &rollout.object, ordinal);
    pod
}

/// That of a ReplicaSet or ReplicationController itself.
pub fn new_pod_of_replicas(object: &Value, api_version: &str, kind: &str) -> Value {
    let owner = json!({"apiVersion": api_version, "kind": kind, "name": object.name(), "uid": object.uid(), "controller": true, "blockOwnerDeletion": true});
    pod_of(&object["spec"]["template"], object.text("/metadata/namespace"), object.name(), &owner)
}

fn pod_of(template: &Value, namespace: &str, name: &str, owner: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": template["spec"]});
    let metadata = &mut pod["metadata"];
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template["metadata"].get(field) {
            metadata[field] = value.clone();
        }
    }
    metadata["namespace"] = json!(namespace);
    metadata["generateName"] = json!(format!("{name}-"));
    metadata["ownerReferences"] = json!([owner]);
    pod
}

/// A Deployment's pods belong to a ReplicaSet. One that is still to be made is stood in for by another of the same Deployment.
fn owner(rollout: &Rollout, revision: Option<&Revision>) -> Value {
    let rules = rollout.id.kind.rules();
    let (of, name, uid) = match revision.or(rollout.revisions.last()) {
        Some(set) if rules.revisions_own_pods() => (rules.revision_type(), &set.name, &set.uid),
        _ => (rules.resource(), &rollout.id.name, &rollout.id.uid),
    };
    json!({"apiVersion": of.api_version(), "kind": of.kind, "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true})
}

pub fn unblock(pod: &mut Value) {
    if let Some(owner) = pod.pointer_mut("/metadata/ownerReferences/0").and_then(Value::as_object_mut) {
        owner.remove("blockOwnerDeletion");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::Kind;

    fn template() -> Value {
        json!({"metadata": {"labels": {"app": "web"}, "annotations": {"a": "b"}},
            "spec": {"containers": [{"name": "web", "newField": 1}], "volumes": [{"name": "data", "emptyDir": {}}]}})
    }

    fn rollout(kind: Kind, histories: &[Value]) -> Rollout {
        let object = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "w"},
            "spec": {"serviceName": "peers", "volumeClaimTemplates": [{"metadata": {"name": "data"}}]}});
        Rollout::new(kind, object, histories, Vec::new())
    }

    #[test]
    fn a_deployments_pod_looks_like_one_of_its_replicaset() {
        let owned = json!([{"uid": "w", "controller": true}]);
        let set = json!({"metadata": {"name": "web-5c9f", "uid": "r", "ownerReferences": owned,
            "labels": {"pod-template-hash": "5c9f"}}, "spec": {"template": template()}});
        let pod = new_pod(&rollout(Kind::Deployment, &[set]), &template());
        assert_eq!(
            pod,
            json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"namespace": "shop", "generateName": "web-", "annotations": {"a": "b"},
                    "labels": {"app": "web", "pod-template-hash": "5c9f"},
                    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-5c9f", "uid": "r",
                        "controller": true, "blockOwnerDeletion": true}]},
                "spec": template()["spec"]})
        );
    }

    #[test]
    fn a_statefulsets_pod_has_its_claims_and_its_name() {
        let mut pod = new_pod(&rollout(Kind::StatefulSet, &[]), &template());
        assert_eq!(
            pod["spec"]["volumes"],
            json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}]),
            "instead of the template's own"
        );
        assert_eq!((&pod["spec"]["hostname"], &pod["spec"]["subdomain"]), (&json!("web-0"), &json!("peers")));
        assert_eq!(pod["metadata"]["ownerReferences"][0]["kind"], "StatefulSet");
        unblock(&mut pod);
        assert_eq!(pod["metadata"]["ownerReferences"][0].get("blockOwnerDeletion"), None);
    }

    #[test]
    fn a_replicasets_own_pod_belongs_to_it() {
        let set = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "r"}, "spec": {"template": template()}});
        let pod = new_pod_of_replicas(&set, "v1", "ReplicationController");
        let owner = &pod["metadata"]["ownerReferences"][0];
        assert_eq!(
            (&owner["kind"], &owner["uid"], &owner["apiVersion"]),
            (&json!("ReplicationController"), &json!("r"), &json!("v1"))
        );
        assert_eq!((&pod["spec"], &pod["metadata"]["generateName"]), (&template()["spec"], &json!("web-")));
    }

    #[test]
    fn a_template_that_is_no_revision_makes_a_pod_all_the_same() {
        let pod = new_pod(&rollout(Kind::DaemonSet, &[]), &json!({}));
        assert_eq!(pod["metadata"]["ownerReferences"][0]["uid"], "w");
        assert_eq!(pod["metadata"].get("labels"), None);
    }
}
