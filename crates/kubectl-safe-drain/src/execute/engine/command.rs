//! The requests that the engine issues.

use k8s_openapi::api::core::v1::Pod;

use crate::plan::Action;

/// Distinguishes the answer to one request from the answer to an earlier one about the same object.
pub type Ticket = u64;

/// A request that the engine issues. Each has exactly one answer: `evict_answered`, `pod_read`, `pod_context_read`, `node_read` or `budget_pods_listed`.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Evict or delete the pod, by the action of its step.
    Evict { ticket: Ticket, uid: String, namespace: String, name: String, action: Action },
    /// Read the pod again: after an unclear answer it may be another pod of that name. The node is the one that it is bound to, if any.
    GetPod { uid: String, namespace: String, name: String, node: String },
    /// Read what decides about a pod that came after the plan: its controller and its volumes.
    GetPodContext { uid: String, pod: Box<Pod> },
    /// Read the node and everything on it: before the first eviction, and before it is called drained. Pods that are still to be bound
    /// count only for the latter (`last`).
    VerifyNode { ticket: Ticket, node: String, last: bool },
    /// Read the pods of a budget that allows no disruption: those that are not Ready are named.
    ListBudgetPods { budget: String },
}
