//! Pods bound to the node after the plan was made: by a scheduler that had not seen the cordon yet, or by something that ignores
//! cordons. The former are evicted too, unless that needs a consent the user never gave; the latter would be recreated for ever.

use cluster_model::{Inventory, PodExt};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::pod_state::{Phase, PodState};
use crate::checks::{self, recreation};
use crate::execute::cause::{NotEvicted, RemainReason};
use crate::execute::event::Event;
use crate::plan::{Action, step};

/// A scheduler learns of a cordon within moments, a busy one within seconds. A pod that is bound later ignores the cordon.
pub const LATE_BINDING: SignedDuration = SignedDuration::from_secs(10);

impl Engine {
    /// A pod that was not in the plan.
    pub(super) fn late(&mut self, node: &str, pod: Pod, now: Timestamp) {
        let Some(index) = self.index(node) else { return };
        if self.nodes[index].is_over() {
            return; // The report describes the moment at which the node was found empty.
        }
        let alone = Inventory::of(pod.clone(), now);
        let step = step(&pod, &alone, &self.options);
        let uid = step.uid.clone();
        let mut state = PodState::planned(step, index, pod, now);
        state.came_late = true;
        // An answer may be lost: from the first request on, a new pod may be the replacement of an evicted one.
        let mut siblings = self.pods.of_node(index).iter().filter(|p| p.is_sibling(&state));
        state.original = !siblings.any(PodState::eviction_was_requested);
        self.pods.add(state);
        self.arrived(&uid, now);
    }

    /// A pod that was expected here: a volume is provisioned for it on this node.
    pub(super) fn awaited(&mut self, index: usize, pod: Pod, now: Timestamp) {
        let alone = Inventory::of(pod.clone(), now);
        let step = step(&pod, &alone, &self.options);
        self.events.push(Event::Awaited { pod: step.key(), node: self.nodes[index].name.clone() });
        self.pods.add(PodState::planned(step, index, pod, now));
    }

    /// It is on the node now. Whether it is evicted is decided once its controller and its volumes were read.
    pub(super) fn arrived(&mut self, uid: &str, now: Timestamp) {
        let Some(state) = self.pods.get_mut(uid) else { return };
        // DaemonSet and static pods are created by their owner at any time; they are not reported.
        if !state.step.evicts() {
            state.phase = Phase::Ignored;
            return;
        }
        if state.step.already_terminating || state.pod.is_terminating() {
            state.set_terminating(now);
            return;
        }
        if self.nodes[state.node].end.is_some() {
            return self.remains(uid, RemainReason::AfterDrained);
        }
        state.was_awaited = matches!(state.phase, Phase::Awaited { .. });
        state.phase = Phase::Late { reading: false };
        // It may be here because the node was uncordoned: nothing is evicted before that was read.
        let index = state.node;
        self.nodes[index].require_recheck();
    }

    /// The answer to `Command::GetPodContext`: the pod alone, with its controller and volumes as far as they could be read.
    pub fn pod_context_read(&mut self, uid: &str, alone: &Inventory, now: Timestamp) {
        let Some(state) = self.pods.get(uid) else { return };
        let (Phase::Late { .. }, Some(pod)) = (state.phase, alone.pods.first()) else { return };
        let step = step(pod, alone, &self.options);
        let mut findings = checks::check(alone, &self.options);
        self.options.accept(&mut findings);
        let refused =
            findings.into_iter().find(|f| f.blocks()).map(|f| NotEvicted::Finding { message: f.message });
        let why = refused.or_else(|| self.why_it_remains(state, pod, alone, now));
        let Some(state) = self.pods.get_mut(uid) else { return };
        state.step = step;
        let (key, late) = (state.step.key(), state.came_late);
        match why {
            Some(why) if late => self.remains(uid, RemainReason::CameLate(why)),
            Some(why) => self.remains(uid, RemainReason::Changed(why)),
            None => {
                state.phase = Phase::Waiting { not_before: now };
                self.events.extend(late.then_some(Event::Late { pod: key }));
            }
        }
    }

    /// Why it is not evicted: it would be recreated here again and again.
    fn why_it_remains(
        &self,
        state: &PodState,
        pod: &Pod,
        alone: &Inventory,
        now: Timestamp,
    ) -> Option<NotEvicted> {
        if !state.came_late {
            return None;
        }
        let recreation = recreation(pod, alone);
        let node = &self.nodes[state.node];
        let siblings = || self.pods.of_node(state.node).iter().filter(|p| p.is_sibling(state));
        let was_requested = siblings().any(PodState::eviction_was_requested);
        let planned = siblings().filter(|p| p.original).count();
        let recreated = recreation.why().map(|why| NotEvicted::Recreated { why: why.to_owned() });
        if recreation.is_possible() && was_requested {
            return recreated;
        }
        // Those whose eviction was decided, whether it was requested yet or not.
        let is_to_evict =
            |p: &&PodState| !matches!(p.phase, Phase::Late { .. } | Phase::Remaining | Phase::Ignored);
        let late = siblings().filter(|p| !p.original).filter(is_to_evict).count();
        if !state.original && late >= planned {
            return Some(recreated.unwrap_or(NotEvicted::KeepsRecreating));
        }
        if state.was_awaited {
            return None;
        }
        let created = pod.metadata.creation_timestamp.as_ref().map(|t| t.0);
        let bound = pod.condition_time("PodScheduled").or(created).unwrap_or(now);
        (bound > node.cordoned_at + LATE_BINDING).then(|| recreated.unwrap_or(NotEvicted::IgnoresCordon))
    }

    /// Should be evicted and is not: the node is not drained.
    pub(super) fn remains(&mut self, uid: &str, reason: RemainReason) {
        let Some(state) = self.pods.get_mut(uid) else { return };
        state.phase = Phase::Remaining;
        (state.step.action, state.remains) = (Action::Keep, Some(reason.clone()));
        self.events.push(Event::Remaining { pod: state.step.key(), reason });
    }
}

impl PodState {
    /// Of the same controller.
    fn is_sibling(&self, other: &PodState) -> bool {
        let owner = |p: &PodState| p.pod.controller().map(|o| o.uid.clone());
        owner(self).is_some() && owner(self) == owner(other)
    }
}
