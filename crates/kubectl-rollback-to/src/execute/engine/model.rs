//! What the engine gets and what it commands.

use cluster_model::rollout::Id;
use k8s_openapi::jiff::SignedDuration;

use crate::options::OnFailure;
use crate::outcome::Outcome;
use crate::outcome::reason::Already;

/// The same for all steps.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    pub on_failure: OnFailure,
    /// Is there a terminal to ask on?
    pub can_ask: bool,
    /// Every pod that blocks a StatefulSet may be deleted: `--unstick --yes`. Otherwise only those that the plan named, and
    /// those that are asked about.
    pub unstick: bool,
    pub wait: bool,
    /// How long a workload is watched after it is done, if it has an owner that may revert it.
    pub watch_after_done: SignedDuration,
    /// The run ends after so long without an answer from the API server; `None`: a deadline ends it.
    pub silent_after: Option<SignedDuration>,
}

/// Without `--timeout` the run ends after so long without any answer from the API server.
pub const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// One step, before anything happened.
#[derive(Clone, Debug)]
pub struct StepInput {
    pub id: Id,
    pub start: Start,
    /// One that may revert the change.
    pub has_reconciling_owner: bool,
    /// There is something to do once it is done.
    pub finish: bool,
    /// The target's number once it is written, for the command that continues.
    pub revision: i64,
    /// UID of the blocking pod that the plan named: its deletion was agreed to.
    pub agreed: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Start {
    Write,
    /// The template is there already; it is checked whether its pods run it.
    Watch(Already),
    Over(Outcome),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Write(usize),
    /// Report from now on how far it is.
    Watch(usize),
    /// Read everything about it, and report to `verified`: nothing is claimed or done by what was watched alone.
    Verify(usize),
    /// From now on the template that was read last is waited for.
    Follow(usize),
    /// The last lines of what crashed.
    Log {
        step: usize,
        pod: String,
        container: String,
    },
    /// With its UID and version as preconditions, and the grace period it asks for.
    Delete {
        step: usize,
        pod: String,
        uid: String,
        version: String,
    },
    /// What comes after success.
    Finish(usize),
    /// Write the previous template again, if nobody else has written one since.
    Restore(usize),
    Ask(Question),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    Restore {
        workloads: Vec<Id>,
    },
    /// For this pod only.
    Unstick {
        step: usize,
        workload: Id,
        pod: String,
        uid: String,
        message: String,
    },
}

/// What became of a pod that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    Deleted,
    /// It was gone.
    Gone,
    /// Another pod has its name, or it is not as it was.
    Changed,
    Failed(String),
}
