//! What happens in a run, as it happens, for whatever shows it. Pure.

use cluster_model::rollout::Id;
use plugin_client::Failure;

use super::engine::model::Question;
use super::progress::model::Progress;
use crate::outcome::cause::{Author, KeptPods, PodCause};
use crate::outcome::reason::{NotRestored, Reason};

/// One change of one workload, one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `mutated`: the server's template is not the one that was requested. `watched`: its pods are waited for.
    Written {
        mutated: bool,
        watched: bool,
    },
    /// Another number of pods is available.
    Moved {
        done: i64,
        total: i64,
    },
    PodIssue {
        pod: String,
        cause: PodCause,
    },
    /// This pod, which blocked a StatefulSet, was deleted.
    Unstuck(String),
    Done(Option<KeptPods>),
    Failed {
        reasons: Vec<Reason>,
        log: Vec<String>,
    },
    Restoring,
    Restored,
    NotRestored(NotRestored),
    Reverted(Option<Author>),
    /// Somebody else wrote another template, which is not the one from before either.
    Superseded(Option<Author>),
    Stalled(Vec<Reason>),
    Note(Note),
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
    fn event(&mut self, workload: &Id, event: &Event);
    /// It does not respond, with this failure; `None`: it responds again.
    fn server(&mut self, failure: Option<&Failure>);
    /// Something changed, or time passed. One entry for each step that is under way.
    fn draw(&mut self, rollouts: &[(Id, Progress)]);
    /// Waits for the answer.
    fn confirm(&mut self, question: &Question) -> Result<bool, Failure>;
}
