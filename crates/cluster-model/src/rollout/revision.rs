//! What a controller keeps of every template it rolled out: a ReplicaSet or a ControllerRevision.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::kind::Kind;
use super::template::writable;
use crate::raw::Raw;

pub const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";

/// One revision as it is kept now.
#[derive(Clone, Debug)]
pub struct Revision {
    pub number: i64,
    /// Numbers it had before, oldest first: rolling back to 2 makes it 7, and `2` is gone
    /// (`pkg/controller/deployment/util/deployment_util.go`, SetNewReplicaSetAnnotations).
    pub also_known_as: Vec<i64>,
    /// Of the ReplicaSet or ControllerRevision.
    pub name: String,
    pub uid: String,
    /// The value of `Kind::hash_label` on its pods.
    pub hash: String,
    /// Fit to be written back.
    pub template: Value,
    /// When this template was first rolled out.
    pub created: Option<Timestamp>,
    pub change_cause: Option<String>,
    /// The ReplicaSet or ControllerRevision, whole and raw.
    pub object: Value,
}

impl Revision {
    /// Was this pod made from it?
    pub fn made(&self, pod: &Pod) -> bool {
        let labels = pod.metadata.labels.as_ref();
        let has = |key: &str| labels.and_then(|l| l.get(key)).is_some_and(|hash| *hash == self.hash);
        has("pod-template-hash") || has("controller-revision-hash")
    }
}

/// The revisions of `owner` among `histories`, in ascending order of their numbers.
pub fn revisions(kind: Kind, owner: &Value, histories: &[Value]) -> Vec<Revision> {
    let owned = histories.iter().filter(|history| history.is_controlled_by(owner.uid()));
    let mut revisions: Vec<Revision> = owned.filter_map(|h| revision(kind, h)).collect();
    // Equal numbers happen (a ReplicaSet that has no number yet counts as 0); the older comes first, as in kubectl.
    revisions.sort_by(|a, b| (a.number, a.created, &a.name).cmp(&(b.number, b.created, &b.name)));
    revisions
}

/// Of a ReplicaSet or ControllerRevision.
pub fn number(kind: Kind, history: &Value) -> Option<i64> {
    kind.rules().number(history)
}

fn revision(kind: Kind, object: &Value) -> Option<Revision> {
    let (rules, number) = (kind.rules(), number(kind, object)?);
    let before = object.annotation(REVISION_HISTORY).unwrap_or_default();
    Some(Revision {
        number,
        also_known_as: before.split(',').filter_map(|n| n.trim().parse().ok()).collect(),
        name: object.name().to_owned(),
        uid: object.uid().to_owned(),
        hash: rules.hash(object).to_owned(),
        template: writable(rules.template(object), rules.hash_label()),
        created: object.time("/metadata/creationTimestamp"),
        change_cause: object.annotation(CHANGE_CAUSE).filter(|cause| !cause.is_empty()).map(str::to_owned),
        object: object.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::REVISION;
    use serde_json::json;

    #[test]
    fn replicasets_of_the_deployment_only_numbered_as_kubectl_does() {
        let owner = json!({"metadata": {"uid": "d1"}});
        let rs = |name: &str, uid: &str, annotations: Value| {
            json!({"metadata": {"name": name, "uid": name, "labels": {"pod-template-hash": name}, "annotations": annotations,
                    "ownerReferences": [{"uid": uid, "controller": true}]},
                "spec": {"template": {"metadata": {"labels": {"app": "web", "pod-template-hash": name}}}}})
        };
        let all = [
            rs("c", "d1", json!({REVISION: "7", REVISION_HISTORY: "2,5", CHANGE_CAUSE: "back"})),
            rs("a", "d1", json!({})),
            rs("b", "d1", json!({REVISION: "soon"})),
            rs("x", "another", json!({REVISION: "3"})),
        ];
        let found = revisions(Kind::Deployment, &owner, &all);
        let numbers: Vec<(i64, &str, &[i64])> =
            found.iter().map(|r| (r.number, r.name.as_str(), r.also_known_as.as_slice())).collect();
        assert_eq!(numbers, [(0, "a", &[][..]), (7, "c", &[2, 5])]);
        assert_eq!(found[1].template, json!({"metadata": {"labels": {"app": "web"}}}));
        assert_eq!(found[1].change_cause.as_deref(), Some("back"));
    }

    #[test]
    fn controllerrevisions_name_their_pods_in_two_ways() {
        let owner = json!({"metadata": {"uid": "w"}});
        let cr = json!({"metadata": {"name": "web-5c9f", "uid": "u", "labels": {"controller-revision-hash": "5c9f"},
                "ownerReferences": [{"uid": "w", "controller": true}]},
            "revision": 4, "data": {"spec": {"template": {"$patch": "replace", "metadata": {"creationTimestamp": null}}}}});
        for (kind, hash) in [(Kind::StatefulSet, "web-5c9f"), (Kind::DaemonSet, "5c9f")] {
            let found = revisions(kind, &owner, std::slice::from_ref(&cr));
            assert_eq!((found[0].number, found[0].hash.as_str()), (4, hash));
            assert_eq!(found[0].template, json!({"metadata": {}}));
        }
    }
}
