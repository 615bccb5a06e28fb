//! What happens during a drain, one value per change, each reported once.

use super::cause::{Blocker, BudgetReason, FailureReason, RemainReason};

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Cordoned {
        node: String,
        before: bool,
    },
    /// The server accepted; the pod may take this long to stop.
    Evicted {
        pod: String,
        grace_seconds: i64,
    },
    /// Somebody else deleted it.
    Terminating {
        pod: String,
    },
    Gone {
        pod: String,
        took_seconds: f64,
    },
    /// A pod waits for something other than a watched budget.
    Blocked {
        pod: String,
        by: Blocker,
    },
    /// This many pods wait for the budget.
    BudgetBlocks {
        budget: String,
        reason: BudgetReason,
        /// Its pods that are not Ready.
        unhealthy: Option<String>,
        waiting: usize,
    },
    /// Past its grace period and still there.
    Stuck {
        pod: String,
        by: Blocker,
    },
    Failed {
        pod: String,
        reason: FailureReason,
    },
    /// Bound to the node after the plan was made; it is evicted too.
    Late {
        pod: String,
    },
    /// Should be evicted and is not: the node is not drained.
    Remaining {
        pod: String,
        reason: RemainReason,
    },
    /// Will be bound to the node once its volume is provisioned, cordon or not.
    Awaited {
        pod: String,
        node: String,
    },
    /// The connection is gone or the server is down; the drain goes on when it is back.
    ServerUnavailable {
        message: String,
    },
    /// A request could not be sent, for a reason of this machine; it is tried again.
    RequestNotSent {
        message: String,
    },
    ServerAvailable,
    Drained {
        node: String,
        gone: usize,
        ignored: usize,
    },
    NotDrained {
        node: String,
        gone: usize,
        left: usize,
    },
}
