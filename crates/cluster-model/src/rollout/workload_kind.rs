//! What is different from one kind of workload to the next. Each kind is one file that implements this; everything else goes through it.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::resource_type::ResourceType;
use super::revision_object::RevisionObject;
use super::update_strategy::Moves;
use crate::Raw;

/// `object` is the workload, `history` a ReplicaSet or ControllerRevision of it; both whole and raw.
pub trait WorkloadKind: RevisionObject + Sync {
    fn resource(&self) -> ResourceType;
    /// As kubectl writes it before the slash.
    fn word(&self) -> &'static str;
    /// kubectl's short name.
    fn short(&self) -> &'static str;
    /// The value of `hash_label` on the pods of this revision.
    fn hash<'a>(&self, history: &'a Value) -> &'a str {
        history.label(self.hash_label()).unwrap_or_default()
    }

    /// Where the status names the revision of the live template. Such a controller compares templates by meaning, which a client
    /// cannot, so its status alone counts.
    fn update_revision(&self) -> Option<&'static str> {
        None
    }
    /// Index of the revision that the controller reports as current. Candidates are in ascending order.
    fn named_by_controller(&self, object: &Value, candidates: &[Candidate<'_>]) -> Option<usize>;
    /// Has the controller given the workload a revision yet, once it has seen it?
    fn has_revision(&self, _object: &Value) -> bool {
        true
    }
    /// Which of `equal` (indices, ascending) the controller will use for the template they have.
    fn reused(&self, candidates: &[Candidate<'_>], equal: &[usize]) -> Option<usize>;
    /// Where the status records which revision was rolled out completely.
    fn completion_record(&self) -> CompletionRecord;

    /// Desired pods.
    fn desired(&self, object: &Value) -> i64;
    /// One pod for each node that it fits on, in place of a number of replicas. Its controller chooses the nodes.
    fn is_per_node(&self) -> bool {
        false
    }
    /// How a new template reaches that many pods.
    fn moves(&self, object: &Value, desired: i64) -> Moves;
    /// Paused, it rolls out nothing (`kubectl rollout resume`).
    fn is_paused(&self, _object: &Value) -> bool {
        false
    }
    fn has_progress_deadline(&self) -> bool {
        false
    }
    /// Does a new pod take the place of an old one, and so wait until that has ended?
    fn replaces_in_place(&self) -> bool {
        true
    }
    /// Where its status counts pods.
    fn counts(&self) -> Counts;
    /// As many pods as desired, available, so many of them with the live template.
    fn is_complete(&self, object: &Value, desired: i64, updated: i64) -> bool;

    /// Can a rollout wait for a pod that only its deletion brings to the new template?
    fn pod_can_block(&self) -> bool {
        false
    }
    /// That pod, where the controller certainly waits for it.
    fn blocking_pod<'a>(&self, _object: &Value, _pods: &'a [Pod]) -> Option<&'a Pod> {
        None
    }
    /// That pod, where the controller waits for it if nothing happens for a while.
    fn stalling_pod<'a>(&self, _object: &Value, _pods: &'a [Pod]) -> Option<&'a Pod> {
        None
    }

    /// Could a pod of this workload, with revisions of these names, have this name?
    fn names_pod(&self, pod: &str, workload: &str, histories: &[&str]) -> bool;
    /// Its pods have ordinals, and a new one has the name and the claims of the one that it replaces.
    fn has_ordinals(&self) -> bool {
        false
    }
    /// Adds to a pod made of the template what else the controller gives it. `ordinal`: of the pod, where its pods have ordinals.
    fn complete_pod(&self, _pod: &mut Value, _object: &Value, _ordinal: i64) {}
    /// Keys of the taints that its controller adds tolerations for.
    fn added_tolerations(&self) -> &'static [&'static str] {
        &[]
    }
}

/// What decides whether a revision is current.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    pub number: i64,
    pub created: Option<Timestamp>,
    pub name: &'a str,
    /// Its template is the live one, as far as a client can compare.
    pub equal: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionRecord {
    /// Its condition Progressing.
    ProgressingCondition,
    /// `status.currentRevision`.
    CurrentRevision,
    None,
}

/// JSON pointers of a workload's own counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    pub all: &'static str,
    /// With the live template.
    pub updated: &'static str,
    pub available: &'static str,
}

/// `x2b4q` of `web-x2b4q`
pub(super) fn suffix<'a>(pod: &'a str, maker: &str) -> Option<&'a str> {
    pod.strip_prefix(maker)?.strip_prefix('-')
}

/// As the API server completes `generateName` (`apiserver/pkg/storage/names/generate.go`).
pub(super) fn is_random(suffix: &str) -> bool {
    suffix.len() == 5 && suffix.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}
