//! What happens in a run, as it happens: told to whoever shows it. Pure.

use super::progress::model::Progress;

/// One change, one line.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Written; `mutated`: the server made something else of the template than was asked for.
    Written {
        workload: String,
        mutated: bool,
    },
    /// One more pod, or one less: `deployment/web: 2 of 3 pods`.
    Moved {
        workload: String,
        done: i64,
        total: i64,
    },
    PodIssue {
        workload: String,
        pod: String,
        cause: String,
    },
    /// A pod that held a StatefulSet up was deleted.
    Unstuck {
        workload: String,
        pod: String,
    },
    Done {
        workload: String,
        note: Option<String>,
    },
    Failed {
        workload: String,
        cause: String,
        log: Vec<String>,
    },
    Restoring {
        workload: String,
    },
    Restored {
        workload: String,
    },
    NotRestored {
        workload: String,
        why: String,
    },
    Reverted {
        workload: String,
        by: String,
    },
    /// Somebody else wrote another template, which is not the one from before either.
    Superseded {
        workload: String,
        by: String,
    },
    /// It is stuck, and will not.
    Stalled {
        workload: String,
        cause: String,
    },
    /// Something that is good to know and changes nothing: the journal could not be written, the owner's fields were handed back.
    Note {
        workload: String,
        says: String,
    },
    Disturbed {
        says: String,
    },
    Recovered,
}

/// Whoever shows the run.
pub trait Reporter {
    fn event(&mut self, event: &Event);
    /// Something changed, or time passed. One entry for each step that is under way: (workload, progress).
    fn draw(&mut self, rollouts: &[(String, Progress)]);
}
