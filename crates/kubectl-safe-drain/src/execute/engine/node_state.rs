//! What is known of one node of the drain.

use std::collections::BTreeSet;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::command::Ticket;
use super::drained::NodeEnd;
use super::limits::{BACKOFF_FIRST, BACKOFF_MOST};
use crate::execute::cause::{NodeProblem, NodeReason};

#[derive(Debug)]
pub(super) struct NodeState {
    pub name: String,
    pub uid: String,
    pub end: Option<NodeEnd>,
    /// The reading that comes before the first eviction was made, and the node was cordoned.
    pub was_read: bool,
    /// While a reading is under way: the pods that were there when it was requested. Only they can be missing from it.
    pub reading: Option<(Ticket, BTreeSet<String>)>,
    /// Nothing is evicted before the node was read again.
    pub needs_recheck: bool,
    /// Of several nodes, each is read once more at the very end: the report describes that moment.
    pub confirmed: bool,
    /// After a reading that failed or decided nothing, the next one comes no earlier.
    pub read_not_before: Timestamp,
    /// When the next reading is due, if there is to be one.
    pub next_reading: Option<Timestamp>,
    /// Readings in a row that failed or decided nothing.
    pub failed_readings: u32,
    pub cordoned_at: Timestamp,
    /// As last read; the cordon was seen to be made.
    pub cordoned: Option<bool>,
    pub is_gone: bool,
    pub was_uncordoned: bool,
}

/// What is known of a node at the end.
pub struct NodeSeen {
    /// As last read; `None` of a node that is gone.
    pub cordoned: Option<bool>,
    /// It was deleted, or another node has its name.
    pub is_gone: bool,
    /// Somebody else uncordoned it: a cordon that it has now is not by this run.
    pub was_uncordoned: bool,
    /// It was read, and its pods were next.
    pub begun: bool,
    /// Found drained, though it may not have been read again since.
    pub was_drained: bool,
    /// What about the node itself keeps it from being drained.
    pub why: Option<NodeReason>,
}

impl NodeState {
    pub fn new(name: &str, uid: &str, cordoned_at: Timestamp) -> Self {
        NodeState {
            name: name.to_owned(),
            uid: uid.to_owned(),
            end: None,
            was_read: false,
            reading: None,
            needs_recheck: false,
            confirmed: false,
            read_not_before: cordoned_at,
            next_reading: None,
            failed_readings: 0,
            cordoned_at,
            cordoned: Some(true),
            is_gone: false,
            was_uncordoned: false,
        }
    }

    /// The node itself, as just read or as its watch reports.
    pub fn seen(&mut self, cordoned: Option<bool>) {
        self.cordoned = cordoned;
        self.is_gone |= cordoned.is_none();
        self.was_uncordoned |= cordoned == Some(false);
    }

    /// Why nothing may be evicted here any more.
    pub fn problem(&self) -> Option<NodeProblem> {
        if self.is_gone {
            return Some(NodeProblem::Gone);
        }
        self.was_uncordoned.then_some(NodeProblem::Uncordoned)
    }

    pub fn is_over(&self) -> bool {
        self.end.is_some() && self.confirmed
    }

    pub fn may_evict(&self) -> bool {
        self.was_read && !self.needs_recheck
    }

    pub fn require_recheck(&mut self) {
        self.needs_recheck = true;
    }

    pub fn wake_at(&self) -> Option<Timestamp> {
        self.next_reading.filter(|_| self.reading.is_none() && !self.is_over())
    }

    pub fn backoff(&mut self) -> SignedDuration {
        self.failed_readings = self.failed_readings.saturating_add(1);
        (BACKOFF_FIRST * 2i32.saturating_pow(self.failed_readings.min(8) - 1)).min(BACKOFF_MOST)
    }
}
