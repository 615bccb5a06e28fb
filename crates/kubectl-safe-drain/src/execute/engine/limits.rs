//! How long what is waited for.

use k8s_openapi::jiff::SignedDuration;

/// A scheduler that had not seen the cordon yet may still bind a pod; no node is called drained earlier than this after it.
pub const SETTLE: SignedDuration = SignedDuration::from_secs(1);
pub const BACKOFF_FIRST: SignedDuration = SignedDuration::from_millis(500);
pub const BACKOFF_MOST: SignedDuration = SignedDuration::from_secs(5);
/// Without `--timeout`: so long without a pod that leaves, or a budget that moves in favour of one that waits. A pod within its grace
/// period is no stall, however long that is.
pub const STALLED_AFTER: SignedDuration = SignedDuration::from_hours(1);
