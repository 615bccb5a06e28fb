//! Controllers of pods, reduced to what their kinds have in common.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PodTemplateSpec, ReplicationController};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

/// Names one owner. The UID distinguishes it from a later object of its name. The other fields count as well, as for the garbage collector
/// (`pkg/controller/garbagecollector/graph_builder.go`): a reference with the UID of one object and the name of another names none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerKey {
    pub api_version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

impl OwnerKey {
    pub fn new(namespace: &str, owner: &OwnerReference) -> Self {
        OwnerKey {
            api_version: owner.api_version.clone(),
            kind: owner.kind.clone(),
            namespace: namespace.to_owned(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
        }
    }

    /// The controller of an object, if it has one (`metav1.GetControllerOf`).
    pub fn controller_of(object: &ObjectMeta) -> Option<Self> {
        let owner = object.owner_references.iter().flatten().find(|o| o.controller == Some(true))?;
        Some(OwnerKey::new(object.namespace.as_deref().unwrap_or_default(), owner))
    }

    /// It is of a kind of Kubernetes itself: the template of its pods is known.
    pub fn has_known_template(&self) -> bool {
        self.api_version.starts_with("apps/")
            || self.api_version.starts_with("batch/")
            || self.kind == "ReplicationController"
    }

    /// `ReplicaSet shop/web-5c9f`.
    pub fn label(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }

    /// `ReplicaSet web-5c9f`, where the namespace is clear.
    pub fn short_label(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Replicas it is scaled to; `None` for kinds without a scale (DaemonSet, Job).
    pub desired: Option<i32>,
    /// Pods that it has; terminating ones do not count.
    pub current: i32,
    pub ready: i32,
    /// Labels of the pods that it creates, without those that it adds to each.
    pub pod_labels: BTreeMap<String, String>,
    /// What made it, as the Deployment of a ReplicaSet.
    pub controller: Option<OwnerKey>,
    /// Its template's `spec.nodeName`: its pods start there without a scheduler, cordon or not.
    pub pinned_to: Option<String>,
    /// Its template has `spec.schedulingGates`: no scheduler looks at its pods until somebody has removed them from each.
    pub has_gates: bool,
    /// It makes no pods any more, see [`crate::BeingDeleted`].
    pub is_terminating: bool,
}

impl From<ReplicaSet> for Workload {
    fn from(object: ReplicaSet) -> Self {
        let status = object.status.unwrap_or_default();
        let counts = (object.spec.replicas, status.replicas, status.ready_replicas);
        scaled(&object.metadata, counts, object.spec.template)
    }
}

impl From<StatefulSet> for Workload {
    fn from(object: StatefulSet) -> Self {
        let status = object.status.unwrap_or_default();
        let counts = (object.spec.replicas, status.replicas, status.ready_replicas);
        scaled(&object.metadata, counts, Some(object.spec.template))
    }
}

impl From<ReplicationController> for Workload {
    fn from(object: ReplicationController) -> Self {
        let (spec, status) = (object.spec.unwrap_or_default(), object.status.unwrap_or_default());
        let counts = (spec.replicas, status.replicas, status.ready_replicas);
        scaled(&object.metadata, counts, spec.template)
    }
}

/// Its template is not what keeps its pods on their nodes.
impl From<DaemonSet> for Workload {
    fn from(object: DaemonSet) -> Self {
        Workload::of(&object.metadata)
    }
}

impl From<Job> for Workload {
    fn from(object: Job) -> Self {
        let template = object.spec.map(|spec| spec.template).unwrap_or_default();
        Workload {
            pinned_to: node_name(&template),
            has_gates: has_gates(&template),
            ..Workload::of(&object.metadata)
        }
    }
}

impl Workload {
    fn of(metadata: &ObjectMeta) -> Self {
        Workload {
            controller: OwnerKey::controller_of(metadata),
            is_terminating: metadata.deletion_timestamp.is_some(),
            ..Workload::default()
        }
    }
}

/// A controller with a scale. `counts`: desired, current and Ready replicas.
fn scaled(
    metadata: &ObjectMeta,
    (desired, current, ready): (Option<i32>, i32, Option<i32>),
    template: Option<PodTemplateSpec>,
) -> Workload {
    let template = template.unwrap_or_default();
    Workload {
        desired,
        current,
        ready: ready.unwrap_or_default(),
        pinned_to: node_name(&template),
        has_gates: has_gates(&template),
        pod_labels: template.metadata.and_then(|m| m.labels).unwrap_or_default(),
        ..Workload::of(metadata)
    }
}

fn node_name(template: &PodTemplateSpec) -> Option<String> {
    template.spec.as_ref()?.node_name.clone().filter(|name| !name.is_empty())
}

fn has_gates(template: &PodTemplateSpec) -> bool {
    template
        .spec
        .as_ref()
        .and_then(|spec| spec.scheduling_gates.as_ref())
        .is_some_and(|gates| !gates.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    fn of<K: DeserializeOwned + Into<Workload>>(spec: Value) -> Workload {
        let owner = json!({"apiVersion": "v1", "kind": "Owner", "name": "o", "uid": "u", "controller": true});
        let object = json!({"metadata": {"namespace": "shop", "name": "w", "ownerReferences": [owner]}, "spec": spec,
            "status": {"replicas": 4, "readyReplicas": 2}});
        serde_json::from_value::<K>(object).unwrap().into()
    }

    #[test]
    fn what_is_kept_of_each_kind() {
        let template = |node: &str| json!({"metadata": {"labels": {"app": "w"}}, "spec": {"containers": [], "nodeName": node}});
        let selector = json!({"matchLabels": {"app": "w"}});
        let spec = |node: &str| json!({"replicas": 3, "selector": selector, "template": template(node)});
        let counted = |workload: &Workload| (workload.desired, workload.ready, workload.pinned_to.clone());
        let three = |node: Option<&str>| (Some(3), 2, node.map(str::to_owned));
        let sets = [of::<ReplicaSet>(spec("n1")), of::<StatefulSet>(spec("n1"))];
        assert_eq!(sets.each_ref().map(counted), [three(Some("n1")), three(Some("n1"))]);
        for set in sets {
            let labels: Vec<_> = set.pod_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!((set.current, labels), (4, vec!["app=w".to_owned()]));
        }
        assert_eq!(counted(&of::<ReplicaSet>(spec(""))), three(None), "the scheduler chooses");
        let of_labels = json!({"replicas": 3, "selector": {"app": "w"}, "template": template("n1")});
        assert_eq!(counted(&of::<ReplicationController>(of_labels)), three(Some("n1")));
        assert_eq!(counted(&of::<Job>(spec("n1"))), (None, 0, Some("n1".to_owned())));
        assert_eq!(counted(&of::<DaemonSet>(spec("n1"))), (None, 0, None));
        for workload in [of::<Job>(spec("")), of::<DaemonSet>(spec("")), of::<ReplicaSet>(spec(""))] {
            assert!(!workload.is_terminating);
            assert_eq!(workload.controller.map(|owner| owner.label()).as_deref(), Some("Owner shop/o"));
        }
    }

    #[test]
    fn gates_are_read_of_the_template() {
        fn has_gates<K: DeserializeOwned + Into<Workload>>(gates: &Value) -> bool {
            let template = json!({"spec": {"containers": [], "schedulingGates": gates}});
            of::<K>(json!({"selector": {}, "serviceName": "w", "template": template})).has_gates
        }
        for (gates, expected) in [(json!([{"name": "g"}]), true), (json!([]), false), (Value::Null, false)] {
            let kinds = [
                has_gates::<ReplicaSet>(&gates),
                has_gates::<StatefulSet>(&gates),
                has_gates::<Job>(&gates),
                has_gates::<ReplicationController>(&gates),
            ];
            assert_eq!(kinds, [expected; 4], "{gates}");
        }
    }

    #[test]
    fn each_kind_may_be_being_deleted() {
        fn is_terminating<K: DeserializeOwned + Into<Workload>>() -> bool {
            let metadata = json!({"name": "w", "finalizers": ["example.com/keep"], "deletionTimestamp": "2027-01-15T08:00:00Z"});
            let template = json!({"spec": {"containers": []}});
            let spec = json!({"selector": {}, "serviceName": "w", "template": template});
            serde_json::from_value::<K>(json!({"metadata": metadata, "spec": spec}))
                .unwrap()
                .into()
                .is_terminating
        }
        let kinds = [
            is_terminating::<ReplicaSet>(),
            is_terminating::<StatefulSet>(),
            is_terminating::<DaemonSet>(),
            is_terminating::<Job>(),
            is_terminating::<ReplicationController>(),
        ];
        assert_eq!(kinds, [true; 5]);
    }
}
