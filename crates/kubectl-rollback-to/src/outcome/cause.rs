//! Why a rollout is not done, as data; `render/cause.rs` has the words.

use cluster_model::rollout::Id;
use k8s_openapi::jiff::Timestamp;

/// Who wrote a template, by managedFields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub manager: String,
    pub at: Timestamp,
}

/// In Kubernetes' own words: pods that cannot be created, or one that does not become available.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// By a quota, Pod Security or a webhook.
    FailedCreate(String),
    Pod {
        name: String,
        /// `ImagePullBackOff`
        reason: String,
        /// `ImagePullBackOff in container web: …`
        message: String,
        /// Other pods with the same reason.
        more: usize,
    },
}

/// The part of the update strategy that keeps a pod on its old template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptBy {
    OnDelete,
    Partition,
}

/// What the update strategy leaves as it is once the rollout is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPods {
    pub by: KeptBy,
    pub names: Vec<String>,
    pub updated: i64,
    pub desired: i64,
}

/// Pods by how far they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// On the new template, of `total` that there will be.
    pub available: i64,
    pub total: i64,
    pub starting: usize,
    /// Ready for less than minReadySeconds.
    pub ready: usize,
    pub failing: usize,
    /// To be replaced.
    pub old: usize,
    pub terminating: usize,
}

/// What a rollout waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Its controller has not observed the change.
    Controller,
    /// It is paused.
    Resume,
    /// This pod is not Ready, and is not updated.
    KeptPod(String),
    Problem(Problem),
    Pods(Counts),
}

/// Why a pod that is being deleted is still there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeletionBlocker {
    /// In Kubernetes' own words: its node is lost.
    Issue(String),
    Finalizers(Vec<String>),
    /// Its grace period has passed, on this node.
    Node(String),
}

/// Why a pod is not ready.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodCause {
    /// In Kubernetes' own words.
    Message(String),
    /// Ready, and not available yet.
    MinReadySeconds,
    NotReadyYet,
    Kept {
        by: KeptBy,
        is_ready: bool,
    },
    Terminating(DeletionBlocker),
}

/// Why a rollout is stuck or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    Paused(Id),
    Problem(Problem),
    /// progressDeadlineSeconds passed.
    ProgressDeadline {
        seconds: i64,
        waiting: Waiting,
    },
    /// Nothing has changed for so long.
    Unchanged {
        seconds: i64,
        waiting: Waiting,
    },
    /// A pod that is not Ready and keeps its template.
    KeptPod {
        pod: String,
        by: KeptBy,
    },
    Terminating {
        pod: String,
        blocker: DeletionBlocker,
    },
}
