//! What the engine asks for.

use k8s_openapi::api::core::v1::Pod;

use crate::plan::Action;

/// Tells the answer to one request from the answer to an earlier one about the same object.
pub type Ticket = u64;

/// A request the engine wants made. Each has exactly one answer: `answered`, `looked`, `inspected`, `relisted` or `explained`.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Ask for the pod to go (eviction or delete, as its step says).
    Ask { ticket: Ticket, uid: String, namespace: String, name: String, action: Action },
    /// Read the pod again: the last answer does not say whether it is still ours. The node is the one that it is bound to, if any.
    Look { uid: String, namespace: String, name: String, node: String },
    /// Read what decides about a pod that came after the plan: its controller and its volumes.
    Inspect { uid: String, pod: Box<Pod> },
    /// Read the node and everything on it: before the first eviction, and before it is called drained. Pods that are still to be bound
    /// count only for the latter (`last`).
    Relist { ticket: Ticket, node: String, last: bool },
    /// Read the pods of a budget that says no: one that is not Ready explains why.
    Explain { budget: String },
}
