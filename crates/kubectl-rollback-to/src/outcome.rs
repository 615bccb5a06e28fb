//! How a workload and its pods ended: the engine's result, for reports, the journal and the screen.

pub mod cause;
pub mod reason;

use plugin_client::Exit;
use serde::Serialize;

use cause::PodCause;
use reason::Reason;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RolloutResult {
    Done,
    /// It was there already.
    Unchanged,
    Planned,
    Refused,
    /// Written, and did not become healthy; left as it is.
    Failed,
    /// Written, and restored to where it was.
    Restored,
    /// Written, and nothing changes any more; some of its pods have it.
    Stalled,
    /// Written, and somebody else wrote another template since.
    Superseded,
    /// Some of it: other workloads, or pods that only their owner replaces (OnDelete, partition).
    Partial,
    Timeout,
    Interrupted,
}

impl RolloutResult {
    pub fn is_failure(self) -> bool {
        matches!(self, RolloutResult::Failed | RolloutResult::Restored | RolloutResult::Stalled)
    }

    pub fn exit(self) -> Exit {
        match self {
            RolloutResult::Done | RolloutResult::Unchanged | RolloutResult::Planned => Exit::Done,
            RolloutResult::Refused => Exit::Refused,
            RolloutResult::Failed | RolloutResult::Restored => Exit::Failed,
            RolloutResult::Partial | RolloutResult::Stalled | RolloutResult::Superseded => Exit::Partial,
            RolloutResult::Timeout => Exit::Timeout,
            RolloutResult::Interrupted => Exit::Interrupted,
        }
    }
}

/// How far one pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PodState {
    /// Has the template rolled back to, and is available.
    Ready,
    /// Has it, and is on its way.
    Starting,
    /// Has it, and shows a fault.
    Failing,
    /// Has another template still.
    Old,
    Terminating,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodProgress {
    pub name: String,
    pub state: PodState,
    /// Why it is not ready.
    pub cause: Option<PodCause>,
    /// The last lines of the container that crashed.
    pub log: Vec<String>,
}

/// What happened to one step of the plan.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub result: RolloutResult,
    /// Why it is not done; or what is to be known if it is.
    pub reasons: Vec<Reason>,
    pub pods: Vec<PodProgress>,
    /// Those for which it was restored, as they were then.
    pub failed_pods: Vec<PodProgress>,
    /// Pods available on the expected template, of all desired.
    pub ready: Option<(i64, i64)>,
    /// The live template is the one that this run wrote.
    pub left: bool,
    /// The workload was deleted.
    pub gone: bool,
    /// Refused because somebody else changed it since it was read: to be planned again.
    pub changed: bool,
    /// The deadline passed before it was done.
    pub late: bool,
    /// It is not in the journal.
    pub unrecorded: bool,
    /// The number of the revision that was written, if it still was the live one when it was read last: controllers renumber a revision that
    /// is used again.
    pub revision: Option<i64>,
}

impl Outcome {
    pub fn of(result: RolloutResult) -> Self {
        Outcome {
            result,
            reasons: Vec::new(),
            pods: Vec::new(),
            failed_pods: Vec::new(),
            ready: None,
            left: false,
            gone: false,
            changed: false,
            late: false,
            unrecorded: false,
            revision: None,
        }
    }

    pub fn new(result: RolloutResult, reasons: impl Into<Vec<Reason>>) -> Self {
        Outcome { reasons: reasons.into(), ..Outcome::of(result) }
    }
}
