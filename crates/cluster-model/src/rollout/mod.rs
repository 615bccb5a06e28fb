//! Deployments, StatefulSets and DaemonSets with the revisions their controllers keep. Templates are raw JSON throughout.

pub mod blocking_pod;
mod current;
mod daemon_set;
mod deployment;
mod kind;
mod ordinals;
mod resource_type;
mod revision;
mod revision_object;
mod stateful_set;
mod status;
mod template;
pub mod update_strategy;
mod workload_kind;

pub use current::choose;
pub use deployment::REVISION;
pub use kind::{Id, Kind};
pub use ordinals::{Ordinals, ordinal, ordinal_of};
pub use resource_type::ResourceType;
pub use revision::{CHANGE_CAUSE, Revision, number, revisions};
pub use revision_object::RevisionObject;
pub use status::Status;
pub use template::{
    RESTARTED_AT, canonical, containers, containers_of, images, restart_only, restarted_at, same,
    without_nulls, without_restart,
};
pub use workload_kind::{Candidate, CompletionRecord, Counts, WorkloadKind};

use k8s_openapi::api::core::v1::Pod;
use kube_core::Selector;
use serde_json::Value;

use crate::selector;
use crate::{PodExt, Raw};
use update_strategy::Strategy;

/// One workload as it was seen: itself, its revisions, its pods.
#[derive(Clone, Debug)]
pub struct Rollout {
    pub id: Id,
    /// The live object, whole and raw.
    pub object: Value,
    /// In ascending order of their numbers. A number may be there twice: a ReplicaSet that is adopted keeps the one it has.
    pub revisions: Vec<Revision>,
    /// Its pods, terminating ones included.
    pub pods: Vec<Pod>,
}

impl Rollout {
    pub fn new(kind: Kind, object: Value, histories: &[Value], pods: Vec<Pod>) -> Self {
        let id = Id::of(kind, &object);
        let revisions = revisions(kind, &object, histories);
        let mut rollout = Rollout { id, object, revisions, pods };
        rollout.pods = std::mem::take(&mut rollout.pods).into_iter().filter(|p| rollout.owns(p)).collect();
        rollout
    }

    pub fn template(&self) -> &Value {
        &self.object["spec"]["template"]
    }

    /// Index of the revision that the live template is; `None` when its controller has not made it yet.
    pub fn current(&self) -> Option<usize> {
        current::of(self.id.kind, &self.object, &self.revisions)
    }

    /// Desired replicas: of a DaemonSet, one for each node it fits on.
    pub fn desired(&self) -> i64 {
        self.id.kind.rules().desired(&self.object)
    }

    pub fn strategy(&self) -> Strategy {
        let (rules, desired) = (self.id.kind.rules(), self.desired());
        Strategy {
            desired,
            moves: rules.moves(&self.object, desired),
            paused: rules.is_paused(&self.object),
            min_ready_seconds: self.object.number("/spec/minReadySeconds").unwrap_or_default(),
        }
    }

    /// Indices by number, present or superseded: `true` if they go by another number now. None: there is no such revision.
    pub fn by_number(&self, number: i64) -> (Vec<usize>, bool) {
        let all = |has: &dyn Fn(&Revision) -> bool| -> Vec<usize> {
            (0..self.revisions.len()).filter(|index| has(&self.revisions[*index])).collect()
        };
        let now = all(&|revision| revision.number == number);
        let superseded = now.is_empty();
        (if superseded { all(&|revision| revision.also_known_as.contains(&number)) } else { now }, superseded)
    }

    /// Does another revision have this one's number?
    pub fn shares_number(&self, index: usize) -> bool {
        self.by_number(self.revisions[index].number).0.len() > 1
    }

    /// The older revision that this one is a copy of: it has the same template, and has or had the same number. A controller gives each
    /// number once, and of equal ReplicaSets takes the oldest (`deployment_util.go`, FindNewReplicaSet): a copy was never rolled out.
    pub fn original(&self, index: usize) -> Option<usize> {
        if !self.id.kind.rules().keeps_numbers() {
            return None;
        }
        let copy = &self.revisions[index];
        let is_older = |other: &Revision| (other.created, &other.name) < (copy.created, &copy.name);
        let had =
            |other: &Revision| other.number == copy.number || other.also_known_as.contains(&copy.number);
        let originals = self.revisions.iter().enumerate().filter(|(_, other)| {
            copy.number > 0 && is_older(other) && had(other) && same(&other.template, &copy.template)
        });
        originals.min_by_key(|(_, other)| (other.created, &other.name)).map(|(index, _)| index)
    }

    /// The label selector of its pods and histories, as a list takes it.
    pub fn selector(&self) -> String {
        selector(&self.object)
    }

    /// The pods made from this revision.
    pub fn pods_of<'a>(&'a self, revision: &'a Revision) -> impl Iterator<Item = &'a Pod> {
        self.pods.iter().filter(move |pod| revision.made(pod))
    }

    fn owns(&self, pod: &Pod) -> bool {
        if self.id.kind.rules().revisions_own_pods() {
            return self.revisions.iter().any(|r| pod.is_controlled_by(&r.uid));
        }
        pod.is_controlled_by(&self.id.uid)
    }
}

/// The label selector of a workload as a list takes it: `app=web,tier notin (cache)`.
pub fn selector(object: &Value) -> String {
    label_selector(object).map(|selector| selector.to_string()).unwrap_or_default()
}

/// The same to compare labels with; `None` if it is none.
pub fn label_selector(object: &Value) -> Option<Selector> {
    selector::from_json(&object["spec"]["selector"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn a_selector_as_a_list_takes_it() {
        let object = json!({"spec": {"selector": {"matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["cache"]}]}}});
        assert_eq!(super::selector(&object), "app=web,tier notin (cache)");
    }
}
