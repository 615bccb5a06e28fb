//! The objects that keep a workload's revisions: ReplicaSets for a Deployment, ControllerRevisions for the others.

use serde_json::Value;

use super::resource_type::ResourceType;
use crate::Raw;

/// `history` is such an object, whole and raw.
pub trait RevisionObject {
    fn revision_type(&self) -> ResourceType;
    /// The label on pods that names the revision they were made from.
    fn hash_label(&self) -> &'static str;
    fn template<'a>(&self, history: &'a Value) -> &'a Value;
    fn number(&self, history: &Value) -> Option<i64>;
    /// The managed field of a revision that only the controller sets.
    fn controller_field(&self) -> &'static str;
    /// Does a revision that is rolled back to keep a list of the numbers it had? Otherwise it forgets them.
    fn keeps_numbers(&self) -> bool;
    /// Does the controller copy the change cause to the revision with each rollout? Otherwise it keeps that of its first one.
    fn copies_change_cause(&self) -> bool;
    /// Is a revision made with a copy of what `kubectl apply` last applied?
    fn copies_last_applied(&self) -> bool;
    /// Do the revisions control the pods, and count them in their own status? Otherwise the workload controls them.
    fn revisions_own_pods(&self) -> bool;
    /// Of a revision that controls its pods: so many are available. `None`: it does not count them.
    fn available(&self, _history: &Value) -> Option<i64> {
        None
    }
    /// Is it certain that this revision never had a pod?
    fn never_had_pods(&self, _history: &Value) -> bool {
        false
    }
}

pub(super) const CONTROLLER_REVISION_HASH: &str = "controller-revision-hash";

/// A kind whose revisions are ControllerRevisions (`pkg/controller/history/controller_history.go`).
pub(super) trait ControllerRevisions {}

impl<K: ControllerRevisions> RevisionObject for K {
    fn revision_type(&self) -> ResourceType {
        ResourceType::apps("ControllerRevision", "controllerrevisions")
    }

    fn hash_label(&self) -> &'static str {
        CONTROLLER_REVISION_HASH
    }

    fn template<'a>(&self, history: &'a Value) -> &'a Value {
        &history["data"]["spec"]["template"]
    }

    fn number(&self, history: &Value) -> Option<i64> {
        history.number("/revision")
    }

    fn controller_field(&self) -> &'static str {
        "/f:revision"
    }

    fn keeps_numbers(&self) -> bool {
        false
    }

    /// `controller_history.go`, UpdateControllerRevision.
    fn copies_change_cause(&self) -> bool {
        false
    }

    /// `stateful_set_utils.go`, newRevision; `daemon/update.go`, snapshot.
    fn copies_last_applied(&self) -> bool {
        true
    }

    fn revisions_own_pods(&self) -> bool {
        false
    }
}
