//! What became of a workload and of its pods: what the engine ends with, and what reports, the journal and the screen say of it.

use plugin_client::Exit;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Done,
    /// It was there already.
    Unchanged,
    Planned,
    Refused,
    /// Written, and did not become healthy; left as it is.
    Failed,
    /// Written, and put back to where it was.
    Restored,
    /// Written, and it is stuck; some of its pods have it.
    Stalled,
    /// Written, and somebody else wrote another template since.
    Superseded,
    /// Some of it: other workloads, or pods that only their owner replaces (OnDelete, partition).
    Partial,
    Timeout,
    Interrupted,
}

impl Verdict {
    pub fn exit(self) -> Exit {
        match self {
            Verdict::Done | Verdict::Unchanged | Verdict::Planned => Exit::Done,
            Verdict::Refused => Exit::Refused,
            Verdict::Failed | Verdict::Restored => Exit::Failed,
            Verdict::Partial | Verdict::Stalled | Verdict::Superseded => Exit::Partial,
            Verdict::Timeout => Exit::Timeout,
            Verdict::Interrupted => Exit::Interrupted,
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PodReport {
    pub name: String,
    pub state: PodState,
    /// Why it is not ready, in Kubernetes' own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The last lines of the container that crashed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

/// What happened to one step of the plan.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub result: Verdict,
    /// Why it is not done; or a note when it is.
    pub cause: Option<String>,
    pub pods: Vec<PodReport>,
    /// Those that made it go back, as they were then.
    pub failed_pods: Vec<PodReport>,
    /// Pods available on the expected template, of all that are wanted.
    pub ready: Option<(i64, i64)>,
    /// What this run wrote is surely what is there.
    pub left: bool,
    /// The workload was deleted.
    pub gone: bool,
    /// Refused because somebody else changed it since it was seen: to be seen and planned again.
    pub changed: bool,
    /// The deadline passed before it was done, whatever became of it then.
    pub late: bool,
    /// The journal does not know of it.
    pub unrecorded: bool,
}

impl Outcome {
    pub fn of(result: Verdict) -> Self {
        Outcome {
            result,
            cause: None,
            pods: Vec::new(),
            failed_pods: Vec::new(),
            ready: None,
            left: false,
            gone: false,
            changed: false,
            late: false,
            unrecorded: false,
        }
    }

    pub fn new(result: Verdict, cause: impl Into<String>) -> Self {
        Outcome { cause: Some(cause.into()), ..Outcome::of(result) }
    }
}
