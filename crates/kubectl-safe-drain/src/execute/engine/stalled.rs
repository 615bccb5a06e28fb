//! A drain without progress for too long ends by itself, with the reason.

use cluster_model::PodExt;
use k8s_openapi::jiff::Timestamp;

use super::Engine;
use super::pods::{Phase, PodState};

/// So many pods are named; the report has them all.
const NAMED: usize = 3;

impl Engine {
    /// What it waits for, once it has waited too long.
    pub fn stalled(&self) -> Option<&str> {
        self.stalled.as_deref()
    }

    pub(super) fn notice_stall(&mut self, now: Timestamp) {
        if self.stalled.is_none() && self.stalls_at().is_some_and(|at| at <= now) {
            self.stalled = Some(self.causes());
        }
    }

    pub(super) fn stalls_at(&self) -> Option<Timestamp> {
        let limit = self.options.stalled_after?;
        let due = self
            .pods
            .values()
            .filter(|p| matches!(p.phase, Phase::Terminating { .. }))
            .filter_map(|p| p.pod.deletion_timestamp());
        due.chain([self.progress]).max()?.saturating_add(limit).ok()
    }

    fn causes(&self) -> String {
        let mut open = self.pods().filter(|p| !p.phase.is_final());
        let named: Vec<String> = open.by_ref().take(NAMED).map(cause).collect();
        let more = open.count();
        let named = if named.is_empty() { "the API server's answers".to_owned() } else { named.join("; ") };
        if more == 0 { named } else { format!("{named}; and {more} more") }
    }
}

fn cause(pod: &PodState) -> String {
    let key = pod.step.key();
    match (&pod.blocked_by, pod.phase) {
        (Some(by), _) => format!("{key} (blocked by {by})"),
        (None, Phase::Terminating { .. }) => match pod.blocked_by_finalizers() {
            Some(by) => format!("{key} (terminating, {by})"),
            None => format!("{key} (terminating)"),
        },
        (None, _) => format!("{key} (eviction not requested yet)"),
    }
}
