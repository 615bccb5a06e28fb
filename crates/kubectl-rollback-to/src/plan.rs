//! What will be done to each workload. Pure.

use crate::blocking::BlockingPod;
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
    /// With `--unstick`: the pod that blocks it now. Consent to the plan is consent to delete this one, and no other.
    pub deletes: Option<BlockingPod>,
}

impl Step {
    /// Is there anything to agree to? One that is there already may have a pod to delete.
    pub fn has_work(&self) -> bool {
        matches!(self.action, Action::RollBack) || self.deletes.is_some()
    }
}

#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
}
