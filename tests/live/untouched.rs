//! Proof from outside that a run changed nothing.

use ::testbed::{Mark, Room};
use serde_json::Value;

use crate::plugin::{Outcome, Run, requests};

/// How a room was before a run.
pub struct Before<'r> {
    room: &'r Room<'r>,
    mark: Mark,
    cordoned: Vec<Value>,
}

impl<'r> Before<'r> {
    pub fn new(room: &'r Room<'r>) -> Self {
        Self { room, mark: room.cluster().audit_mark(), cordoned: cordons(room) }
    }

    /// No plugin wrote anything (questions about rights and dry runs are no writes), and no node's cordon has changed.
    #[track_caller]
    pub fn assert_untouched(&self, context: &impl std::fmt::Display) {
        let asked = requests(self.room, "", self.room.cluster().audit_since(self.mark));
        let writes = asked.writes().filter(|entry| !entry.is_dry_run());
        assert!(writes.is_empty(), "written, though nothing was to be:\n{writes}{context}");
        assert_eq!(cordons(self.room), self.cordoned, "a cordon has changed\n{context}");
    }
}

fn cordons(room: &Room<'_>) -> Vec<Value> {
    room.nodes().iter().map(|node| room.node(node)["spec"]["unschedulable"].clone()).collect()
}

/// Runs it and asserts that it left the room as it was.
#[track_caller]
pub fn untouched<'r>(room: &'r Room<'r>, run: &Run<'r>) -> Outcome {
    let before = Before::new(room);
    let outcome = run.run();
    before.assert_untouched(&outcome);
    outcome
}
