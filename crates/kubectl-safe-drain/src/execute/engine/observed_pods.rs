//! What lists and the watch report of the pods, and what follows for each.

use std::collections::BTreeSet;

use cluster_model::{Inventory, PodExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::pod_state::{Phase, PodState, STUCK_AFTER};
use super::{Engine, NodeNow};
use crate::execute::cause::{Blocker, FailureReason};
use crate::execute::event::Event;
use crate::plan::{Action, NO_LONGER_SELECTED, Step, UNSELECTED, step};
use crate::pod_filter::SKIPPED;

impl Engine {
    /// A watch event of a pod.
    pub fn pod_seen(&mut self, node: &str, pod: Pod, now: Timestamp) {
        let Some(state) = self.pods.get_mut(pod.uid()) else { return self.late(node, pod, now) };
        let lost_controller = pod.controller().is_none() && state.pod.controller().is_some();
        let terminating = pod.is_terminating();
        state.pod = pod;
        let was_unselected = std::mem::take(&mut state.unselected);
        match state.phase {
            Phase::Awaited { .. } if !state.pod.node().is_empty() => {
                let uid = state.step.uid.clone();
                self.arrived(&uid, now);
            }
            Phase::Waiting { .. } | Phase::Late { .. } if terminating => {
                state.set_terminating(now);
                self.progress = now;
                self.events.push(Event::Terminating { pod: state.step.key() });
            }
            // It will not be recreated any more, which needs the consent that unmanaged pods need.
            Phase::Waiting { .. } if lost_controller => state.phase = Phase::Late { reading: false },
            // The reason for which it was ignored is gone.
            Phase::Ignored if was_unselected || lost_controller => {
                let alone = Inventory::of(state.pod.clone(), now);
                state.step = step(&state.pod, &alone, &self.options);
                state.came_late = was_unselected;
                let uid = state.step.uid.clone();
                self.arrived(&uid, now);
            }
            // By this run's eviction, as far as is known. A late answer changes nothing.
            Phase::Evicting | Phase::OutcomeUnknown { .. } if terminating => {
                let uid = state.step.uid.clone();
                self.evicted(&uid, now);
            }
            _ => {}
        }
    }

    pub fn pod_gone(&mut self, uid: &str, now: Timestamp) {
        match self.pods.get_mut(uid) {
            // Under a selector the watch reports the same for a pod that was relabelled: the pod is read.
            Some(state) if self.options.pod_selector.is_some() && !state.phase.is_final() => {
                state.unselected = true;
                state.set_outcome_unknown(Blocker::NoLongerSelected, now, now);
            }
            _ => self.gone(uid, now),
        }
    }

    /// The watch begins anew with this list. How old it is compared with other readings is not known, so what it lacks is read again.
    pub fn pods_synced(&mut self, node: &str, pods: Vec<Pod>, now: Timestamp) {
        let Some(index) = self.index(node) else { return };
        let listed: BTreeSet<&str> = pods.iter().map(PodExt::uid).collect();
        let is_missing = |p: &PodState| p.phase.is_open() && !listed.contains(p.step.uid.as_str());
        if self.pods.of_node(index).iter().any(is_missing) {
            self.nodes[index].require_recheck();
        }
        for pod in pods {
            self.pod_seen(node, pod, now);
        }
    }

    /// Everything that is on the node, by a reading that was requested when `present` was known to be there.
    pub(super) fn listed(
        &mut self,
        index: usize,
        present: &BTreeSet<String>,
        found: &NodeNow,
        now: Timestamp,
    ) {
        let node = self.nodes[index].name.clone();
        let awaited = || found.awaited.iter().flatten();
        let all = found.pods.iter().chain(&found.unselected).chain(awaited());
        let listed: BTreeSet<&str> = all.map(PodExt::uid).collect();
        for uid in present.iter().filter(|uid| !listed.contains(uid.as_str())) {
            let is_awaited = self.pods.get(uid).is_some_and(|p| matches!(p.phase, Phase::Awaited { .. }));
            // On no list that was read.
            if !is_awaited || found.awaited.is_some() {
                self.vanished(uid, now);
            }
        }
        for pod in &found.pods {
            match self.pods.get_mut(pod.uid()) {
                // Thought to be gone, but listed: the pod itself is read.
                Some(state) if state.phase == Phase::Gone => {
                    state.set_outcome_unknown(Blocker::StillListed, now, now);
                }
                _ => self.pod_seen(&node, pod.clone(), now),
            }
        }
        for pod in &found.unselected {
            self.unselected(index, pod, now);
        }
        let new = awaited().filter(|p| !self.pods.contains(p.uid())).cloned();
        for pod in new.collect::<Vec<_>>() {
            self.awaited(index, pod, now);
        }
    }

    /// Gone, unless it was only expected here, or may merely have lost a label.
    fn vanished(&mut self, uid: &str, now: Timestamp) {
        let selective = self.options.pod_selector.is_some();
        let Some(state) = self.pods.get_mut(uid) else { return };
        match state.phase {
            Phase::Awaited { .. } => {
                self.pods.remove(uid);
            }
            phase if selective && phase.is_open() => {
                state.unselected = true;
                state.set_outcome_unknown(Blocker::NoLongerSelected, now, now);
            }
            // Also one that was ignored.
            _ => self.gone(uid, now),
        }
    }

    /// A pod that `--pod-selector` does not select: it is not evicted, and is shown.
    fn unselected(&mut self, index: usize, pod: &Pod, now: Timestamp) {
        match self.pods.get_mut(pod.uid()) {
            Some(state) if state.phase.is_open() && !pod.is_terminating() => {
                state.phase = Phase::Ignored;
                state.unselected = true;
                (state.step.reason, state.step.action) = (NO_LONGER_SELECTED.to_owned(), Action::Keep);
            }
            Some(_) => {}
            None => {
                let step = Step { reason: UNSELECTED.to_owned(), ..Step::keep(pod) };
                let mut state = PodState::planned(step, index, pod.clone(), now);
                state.unselected = true;
                self.pods.add(state);
            }
        }
    }

    pub(super) fn evicted(&mut self, uid: &str, now: Timestamp) {
        let Some(state) = self.pods.get_mut(uid) else { return };
        state.set_terminating(now);
        let pod = state.step.key();
        self.progress = now;
        if state.eviction_was_requested() {
            state.accepted = true;
            self.events.push(Event::Evicted { pod, grace_seconds: state.step.grace_seconds });
        } else {
            self.events.push(Event::Terminating { pod });
        }
    }

    pub(super) fn gone(&mut self, uid: &str, now: Timestamp) {
        let Some(state) = self.pods.get_mut(uid).filter(|p| p.phase != Phase::Gone) else { return };
        let was_ignored = matches!(state.phase, Phase::Ignored | Phase::Remaining);
        let took = match (state.deletion_seen_at, state.phase) {
            (Some(at), _) | (None, Phase::Terminating { since: at }) => now.duration_since(at),
            _ => SignedDuration::ZERO,
        };
        state.phase = Phase::Gone;
        (state.blocked_by, state.failure, state.gone_at) = (None, None, Some(now));
        let first = state.took.replace(took).is_none();
        self.progress = now;
        if first && !was_ignored {
            self.events.push(Event::Gone { pod: state.step.key(), took_seconds: took.as_secs_f64() });
        }
    }

    pub(super) fn fail(&mut self, uid: &str, reason: FailureReason) {
        let Some(state) = self.pods.get_mut(uid).filter(|p| !p.phase.is_final()) else { return };
        state.phase = Phase::Failed;
        state.failure = Some(reason.clone());
        self.events.push(Event::Failed { pod: state.step.key(), reason });
    }

    /// Pods past their grace period: reported once, and skipped if the user set a limit.
    pub(super) fn notice_overdue(&mut self, now: Timestamp) {
        let skip_wait = self.options.skip_wait_for_delete;
        let Some(node) = self.current() else { return };
        for state in self.pods.of_node_mut(node) {
            if state.terminating_by().is_some_and(|by| by <= now) {
                state.set_outcome_unknown(Blocker::NotTerminating, now, now);
                continue;
            }
            let Some(due) = state.grace_period_end() else { continue };
            if skip_wait.is_some_and(|limit| now > due + SignedDuration::from_secs(limit)) {
                state.phase = Phase::Ignored;
                state.step.reason = SKIPPED.into();
                continue;
            }
            if now >= due + STUCK_AFTER && !state.reported_stuck {
                state.reported_stuck = true;
                let by = state.blocked_by_finalizers().unwrap_or(Blocker::Kubelet);
                state.blocked_by = Some(by.clone());
                self.events.push(Event::Stuck { pod: state.step.key(), by });
            }
        }
    }
}
