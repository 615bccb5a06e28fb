//! What will be done to each workload. Pure.

use crate::choose::Target;
use crate::diff::Diff;
use crate::snapshot::ServerDryRun;

#[derive(Clone, Debug)]
pub enum Action {
    /// Write the template and watch it roll out.
    RollBack,
    /// The server would change none: already there.
    Nothing,
    /// It did not exist at the requested time.
    NotYetCreated,
}

/// One workload's part of the plan; in the order of `Snapshot::rollouts`.
#[derive(Clone, Debug)]
pub struct Step {
    /// Index into `Snapshot::rollouts`.
    pub rollout: usize,
    pub action: Action,
    /// Where to; not for `NotYetCreated`.
    pub target: Option<Target>,
    pub dry_run: Option<ServerDryRun>,
    /// From the live template to the result of the server's dry run.
    pub diff: Diff,
}

#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
}
