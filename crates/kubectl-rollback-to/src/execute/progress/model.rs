//! What the tracker gets, and what it reports.

use std::time::Duration;

use cluster_model::BeingDeleted;
use cluster_model::rollout::Kind;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::outcome::PodProgress;
use crate::outcome::cause::{Author, Cause, KeptPods, Waiting};

/// What is waited for.
#[derive(Clone, Debug)]
pub struct Expected {
    pub kind: Kind,
    /// The workload's own.
    pub uid: String,
    /// As the server returned it after the write: what the pods are to be made from.
    pub template: Value,
    /// The template that was replaced by it. If somebody writes that again, the change is reverted.
    pub before: Value,
    /// The workload's managedFields after the write: who wrote later is not among them.
    pub managed: Vec<Value>,
    /// The workload's generation after the write.
    pub generation: i64,
    /// By the API server's clock. Conditions and faults from before are not this rollout's.
    pub written_at: Timestamp,
}

/// One workload as it is now.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The live workload with its managedFields; `None`: deleted.
    pub object: Option<&'a Value>,
    /// ReplicaSets or ControllerRevisions of its selector.
    pub histories: &'a [Value],
    pub pods: &'a [Pod],
    /// events.k8s.io/v1 or core/v1 Events of its namespace about it, its ReplicaSets or its pods.
    pub events: &'a [Value],
    /// By the API server's clock: what the ages of objects are counted by.
    pub now: Timestamp,
    /// Of a clock that never jumps, for our own waits. Only differences of it mean anything.
    pub monotonic_now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Moving,
    /// All that the update strategy updates is updated.
    Done {
        kept: Option<KeptPods>,
    },
    /// A StatefulSet's rollback waits for this broken pod, which gets the new template only if it is deleted.
    Stuck {
        pod: String,
        pod_uid: String,
        /// Its resourceVersion when it was seen.
        pod_version: String,
        message: String,
    },
    /// It will not become healthy. The container is given only if it has run: then it has a log.
    Failed {
        cause: Cause,
        pod: Option<String>,
        container: Option<String>,
    },
    /// Nothing changes any more.
    Stalled {
        cause: Cause,
        /// By something that another template would not change: a node, a finalizer, a quota, `kubectl rollout pause`.
        blocked: bool,
    },
    /// Somebody else wrote the template from before the write.
    Reverted {
        by: Option<Author>,
    },
    /// Somebody else wrote another template; `restart`: it differs only by `kubectl rollout restart`.
    Superseded {
        by: Option<Author>,
        restart: bool,
    },
    /// Its controller rolls nothing out any more, whatever its pods show.
    BeingDeleted(BeingDeleted),
    Deleted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub state: State,
    /// Pods available on the expected template, of those there will be.
    pub done: i64,
    pub total: i64,
    /// Those there will be, and those that keep their template.
    pub desired: i64,
    /// What it waits for while it is moving; the counts once it is done.
    pub waiting: Waiting,
    /// Sorted by what needs attention, then by name.
    pub pods: Vec<PodProgress>,
    /// Estimated from how fast pods became available since the write.
    pub seconds_left: Option<i64>,
}

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a fault that may recover.
    pub fail_after: Duration,
    /// If nothing changes, for no known cause; `None`: until the deadline.
    pub quiet: Option<Duration>,
}

/// The monotonic time at which the server's clock shows `at`.
pub fn to_monotonic(at: Timestamp, view: View<'_>) -> Timestamp {
    view.monotonic_now.saturating_add(at.duration_since(view.now)).unwrap_or(view.monotonic_now)
}

pub fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
