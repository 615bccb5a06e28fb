//! A drain without progress for too long ends by itself, with the reason.

use cluster_model::PodExt;
use k8s_openapi::jiff::Timestamp;

use super::Engine;
use super::pod_state::{Phase, PodState};
use crate::execute::cause::{Stall, WaitsFor};

/// So many pods are named; the report has them all.
const NAMED: usize = 3;

impl Engine {
    /// What it waits for, once it has waited too long.
    pub fn stalled(&self) -> Option<&Stall> {
        self.stalled.as_ref()
    }

    pub(super) fn notice_stall(&mut self, now: Timestamp) {
        if self.stalled.is_none() && self.stalls_at().is_some_and(|at| at <= now) {
            let mut open = self.pods().filter(|p| !p.phase.is_final());
            let pods = open.by_ref().take(NAMED).map(|p| (p.step.key(), waits_for(p))).collect();
            let more = open.count();
            self.stalled = Some(Stall { pods, more });
        }
    }

    pub(super) fn stalls_at(&self) -> Option<Timestamp> {
        let limit = self.options.stalled_after?;
        let due = self
            .current_pods()
            .iter()
            .filter(|p| matches!(p.phase, Phase::Terminating { .. }))
            .filter_map(|p| p.pod.deletion_timestamp());
        due.chain([self.progress]).max()?.saturating_add(limit).ok()
    }
}

fn waits_for(pod: &PodState) -> WaitsFor {
    match (&pod.blocked_by, pod.phase) {
        (Some(by), _) => WaitsFor::Blocker(by.clone()),
        (None, Phase::Terminating { .. }) => WaitsFor::Termination(pod.blocked_by_finalizers()),
        (None, _) => WaitsFor::Request,
    }
}
