//! What happens in a run, as it happens, for whatever shows it. Pure.

use cluster_model::rollout::Id;
use plugin_client::Failure;

use super::engine::model::Question;
use super::progress::model::Progress;
use crate::outcome::cause::{Author, KeptPods, PodCause};
use crate::outcome::reason::{NotRestored, Reason};

/// One change, one line.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `mutated`: the server's template is not the one that was requested.
    Written {
        workload: Id,
        mutated: bool,
    },
    /// Another number of pods is available.
    Moved {
        workload: Id,
        done: i64,
        total: i64,
    },
    PodIssue {
        workload: Id,
        pod: String,
        cause: PodCause,
    },
    /// A pod that blocked a StatefulSet was deleted.
    Unstuck {
        workload: Id,
        pod: String,
    },
    Done {
        workload: Id,
        kept: Option<KeptPods>,
    },
    Failed {
        workload: Id,
        reasons: Vec<Reason>,
        log: Vec<String>,
    },
    Restoring {
        workload: Id,
    },
    Restored {
        workload: Id,
    },
    NotRestored {
        workload: Id,
        why: NotRestored,
    },
    Reverted {
        workload: Id,
        by: Option<Author>,
    },
    /// Somebody else wrote another template, which is not the one from before either.
    Superseded {
        workload: Id,
        by: Option<Author>,
    },
    Stalled {
        workload: Id,
        reasons: Vec<Reason>,
    },
    Note {
        workload: Id,
        note: Note,
    },
    ServerUnavailable(String),
    ServerAvailable,
}

/// Something that is good to know and changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Nothing was written, because it is not as it was planned for.
    NotWritten(Vec<Reason>),
    /// It failed, and became healthy before it was restored.
    Healthy,
    Restarted(Option<Author>),
    /// Managers, each with its number of fields.
    OwnershipReturned(Vec<(String, usize)>),
    OwnershipKept {
        manager: String,
        message: String,
    },
    /// Of the revision.
    ChangeCauseKept(String),
    /// As an Event.
    NotRecorded(String),
    EventsUnavailable(String),
    JournalElsewhere(String),
    /// `--last` will not find this run.
    JournalNotWritten(String),
}

/// Shows the run.
pub trait Reporter {
    fn event(&mut self, event: &Event);
    /// Something changed, or time passed. One entry for each step that is under way.
    fn draw(&mut self, rollouts: &[(Id, Progress)]);
    /// Waits for the answer.
    fn confirm(&mut self, question: &Question) -> Result<bool, Failure>;
}
