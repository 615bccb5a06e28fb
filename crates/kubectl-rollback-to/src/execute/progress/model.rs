//! What a rollout is judged by, and what is told of it.

use std::time::Duration;

use cluster_model::rollout::Kind;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::outcome::PodReport;

/// What is waited for.
#[derive(Clone, Debug)]
pub struct Expected {
    pub kind: Kind,
    /// The workload's own.
    pub uid: String,
    /// As the server returned it after the write: what the pods are to be made from.
    pub template: Value,
    /// The template that was replaced by it. Whoever writes that again takes the change back.
    pub before: Value,
    /// The workload's managedFields after the write, to tell who came later.
    pub managed: Vec<Value>,
    /// The workload's generation after the write.
    pub generation: i64,
    /// By the API server's clock. Conditions and faults from before are not this rollout's.
    pub written_at: Timestamp,
}

/// Everything there is to see of one workload right now.
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
    /// By a clock that never jumps: what is waited for here is counted by it. Only differences of it mean anything.
    pub ours: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Moving,
    /// All that can come by itself has come. A note says what has not: `4 of 5: the partition excludes pod web-0`.
    Done {
        note: Option<String>,
    },
    /// A StatefulSet's rollback waits for this broken pod, which only a deletion brings to the new template.
    Stuck {
        pod: String,
        pod_uid: String,
        /// Its resourceVersion: what is known of it holds for exactly that.
        pod_version: String,
        why: String,
    },
    /// It will not become healthy: the cause in one line, and the pod whose log tells more.
    /// The container is named only if it has run: then it has a log.
    Failed {
        cause: String,
        pod: Option<String>,
        container: Option<String>,
    },
    /// Nothing moves any more, and waiting longer is no use.
    Stalled {
        cause: String,
        /// By something that another template would not change: a node, a finalizer, a quota, `kubectl rollout pause`.
        blocked: bool,
    },
    /// Somebody else wrote the template from before the write.
    Reverted {
        by: String,
        at: Option<Timestamp>,
    },
    /// Somebody else wrote another template; `restart`: one that differs by `kubectl rollout restart` alone.
    Superseded {
        by: String,
        at: Option<Timestamp>,
        restart: bool,
    },
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
    /// One line: what is happening, or what is waited for.
    pub summary: String,
    /// Sorted by what needs attention, then by name.
    pub pods: Vec<PodReport>,
    /// From the pace since the write; `None` until there is one.
    pub seconds_left: Option<i64>,
}

/// How long what is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// A fault that may mend itself.
    pub fail_after: Duration,
    /// Nothing that changes, and no cause of it; `None`: a deadline ends that.
    pub quiet: Option<Duration>,
}

/// When our clock shows what the server's shows at `at`.
pub fn by_ours(at: Timestamp, view: View<'_>) -> Timestamp {
    view.ours.saturating_add(at.duration_since(view.now)).unwrap_or(view.ours)
}

pub fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
