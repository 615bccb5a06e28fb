//! Why a pod waits, failed or remains, and why a run ended: typed causes. `render::cause` has their words; `message` is the server's own.

use cluster_model::disruption_budget::Rule;
use k8s_openapi::jiff::Timestamp;

/// What the eviction of a pod waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// A watched budget, `namespace/name`.
    Budget(String),
    /// A budget that is not watched, or whose status is being recomputed.
    BudgetAnswer {
        message: String,
    },
    Webhook {
        message: String,
    },
    Forbidden {
        message: String,
    },
    /// The pod, or the outcome of its eviction, could not be read.
    NoAnswer {
        message: String,
    },
    ServerBusy,
    NamespaceTerminating,
    NotFound,
    PreconditionFailed,
    NoLongerSelected,
    /// Reported as deleted, and on a list that is newer.
    StillListed,
    /// Its eviction was accepted.
    NotTerminating,
    Finalizers(Vec<String>),
    /// Past its grace period without a finalizer.
    Kubelet,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureReason {
    Attempts {
        count: u32,
        last: Option<Blocker>,
    },
    SeveralBudgets(Vec<String>),
    /// Unclear answers for too long.
    Blocked(Blocker),
    Refused {
        message: String,
    },
    /// The server is older than policy/v1 evictions.
    NoEvictionApi {
        message: String,
    },
}

/// Why a pod should be evicted and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemainReason {
    AfterDrained,
    NotProvisioned,
    CameLate(NotEvicted),
    Changed(NotEvicted),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotEvicted {
    /// A finding that nobody accepted.
    Finding {
        message: String,
    },
    /// Its controller recreates it here.
    Recreated {
        why: String,
    },
    KeepsRecreating,
    IgnoresCordon,
}

/// Why a budget blocks pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetReason {
    Stale {
        rule: Rule,
    },
    SyncFailed {
        rule: Rule,
        message: String,
    },
    /// `even_if_all_are_healthy`: so many are required that it allows none when all expected pods are healthy.
    Needs {
        rule: Rule,
        desired: i32,
        healthy: i32,
        expected: i32,
        even_if_all_are_healthy: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeProblem {
    Gone,
    Uncordoned,
}

/// What about a node keeps it from being drained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeReason {
    Problem(NodeProblem),
    Recreated { pod: String, why: String },
}

/// Why a cordon is not undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherCordon {
    /// Cordoned later by another field manager.
    By { manager: String, at: Option<Timestamp> },
    /// The server keeps no record of it.
    Unknown,
    /// Uncordoned by someone else, and cordoned again.
    Again,
}

/// Why no more requests are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The run ended outside of the engine.
    Ended,
    Node {
        name: String,
        problem: NodeProblem,
    },
    Forbidden {
        message: String,
    },
}

/// The pods that a drain without progress waits for: the first few, and how many more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stall {
    pub pods: Vec<(String, WaitsFor)>,
    pub more: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    Blocker(Blocker),
    Termination(Option<Blocker>),
    Request,
}
