//! Containers that the kubelet stopped because a probe failed.

use crate::snapshot::pod::PodState;
use crate::snapshot::{Event, Reason, Snapshot};

/// The server keeps events as long unless it is configured otherwise.
pub const EVENTS_LIVE: i64 = 3600;

/// The events that say so, of the last hour.
pub fn kills<'s>(pod: &PodState, snapshot: &'s Snapshot) -> impl Iterator<Item = &'s Event> {
    snapshot.events_of(&pod.uid, Reason::Killing).filter(|it| snapshot.seconds_since(it.last) < EVENTS_LIVE)
}
