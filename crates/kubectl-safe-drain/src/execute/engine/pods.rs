//! One pod on its way off the node, and what lists and the watch say about it.

use std::collections::BTreeSet;

use cluster_model::PodExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{BACKOFF_FIRST, BACKOFF_MOST, Command, Engine, NodeNow, Ticket};
use crate::execute::event::Event;
use crate::fate::SKIPPED;
use crate::plan::{Action, Step, UNSELECTED};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not bound yet, but it will be, cordon or not: its volume is being provisioned for this node.
    Awaited {
        since: Timestamp,
    },
    /// Came after the plan: what decides about it is still to be read.
    Late {
        inspecting: bool,
    },
    /// To be asked for, not before this time.
    Waiting {
        not_before: Timestamp,
    },
    Asking,
    /// Something is unclear (an answer was lost, a list and the watch disagree): the pod is read again before anything else.
    Doubtful {
        not_before: Timestamp,
        looking: bool,
    },
    /// Deleted; its containers are stopping.
    Leaving {
        since: Timestamp,
    },
    Gone,
    /// Stays, as the plan says.
    Kept,
    /// Should leave and stays all the same; its step says why.
    Remains,
    Failed,
}

impl Phase {
    pub fn is_final(self) -> bool {
        matches!(self, Phase::Gone | Phase::Kept | Phase::Remains | Phase::Failed)
    }

    /// On the node, and something is still to happen to it.
    pub(super) fn is_open(self) -> bool {
        !self.is_final() && !matches!(self, Phase::Awaited { .. })
    }
}

#[derive(Clone, Debug)]
pub struct PodState {
    pub step: Step,
    pub node: usize,
    pub pod: Pod,
    pub phase: Phase,
    /// An eviction of ours was accepted.
    pub accepted: bool,
    /// What holds it up, in the server's words.
    pub blocked_by: Option<String>,
    /// Since when it waits for the same thing.
    pub since: Timestamp,
    /// A change of its budget ends the wait early.
    pub(super) waits_for_budget: bool,
    pub failure: Option<String>,
    pub took: Option<SignedDuration>,
    pub(super) gone_at: Option<Timestamp>,
    /// On the node before any pod of its controller was evicted: its controller had it there.
    pub(super) original: bool,
    pub(super) came_late: bool,
    pub(super) was_awaited: bool,
    /// Its controller may, or certainly will, put it back on this node.
    pub(super) may_return: bool,
    pub(super) returns_for_certain: bool,
    /// No longer among the pods that `--pod-selector` selects.
    unselected: bool,
    answered: bool,
    asks: u32,
    /// Of the last request.
    pub(super) ticket: Ticket,
    refusals: u32,
    attempts: u32,
    doubted_since: Option<Timestamp>,
    told_stuck: bool,
}

/// A server that gives no clear answer for this long is not riding out a restart any more.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_secs(300);
/// Time past the end of the grace period after which a pod counts as stuck.
const STUCK_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// An eviction that was accepted shows in the pod within moments; if not, the pod is read again.
const SHOWS_WITHIN: SignedDuration = SignedDuration::from_secs(10);
/// No pod is asked for more often than this, whatever the server answers.
const MOST_ASKS: u32 = 500;
/// Refusals that no watch announces the end of are tried again at this pace: first often, then seldom.
const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(5);
const RETRY_LATER: SignedDuration = SignedDuration::from_secs(30);
const FIRST_REFUSALS: u32 = 12;
pub const NO_LONGER_SELECTED: &str = "no longer matches --pod-selector";

impl PodState {
    pub fn planned(step: Step, node: usize, pod: Pod, now: Timestamp) -> Self {
        let phase = match (step.leaves(), step.leaving_already, pod.node().is_empty()) {
            (false, ..) => Phase::Kept,
            (true, _, true) => Phase::Awaited { since: now },
            (true, true, _) => Phase::Leaving { since: now },
            (true, false, _) => Phase::Waiting { not_before: now },
        };
        PodState {
            may_return: step.returns.is_possible(),
            returns_for_certain: step.returns.is_certain(),
            step,
            node,
            pod,
            phase,
            accepted: false,
            blocked_by: None,
            since: now,
            waits_for_budget: false,
            failure: None,
            took: None,
            gone_at: None,
            original: true,
            came_late: false,
            was_awaited: false,
            unselected: false,
            answered: false,
            asks: 0,
            ticket: 0,
            refusals: 0,
            attempts: 0,
            doubted_since: None,
            told_stuck: false,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }

    /// Has it yet to get its first answer?
    pub(super) fn is_unanswered(&self) -> bool {
        !self.answered
            && matches!(
                self.phase,
                Phase::Late { .. } | Phase::Waiting { .. } | Phase::Asking | Phase::Doubtful { .. }
            )
    }

    /// The request, or why there will be none any more.
    pub(super) fn ask(&mut self, ticket: Ticket, now: Timestamp) -> Result<Command, String> {
        if self.asks >= MOST_ASKS {
            let by = self.blocked_by.as_deref().unwrap_or("the server");
            return Err(format!("asked for {MOST_ASKS} times without success: {by}"));
        }
        self.asks += 1;
        self.ticket = ticket;
        self.phase = Phase::Asking;
        if self.blocked_by.is_none() {
            self.since = now;
        }
        let step = &self.step;
        Ok(Command::Ask {
            ticket,
            uid: step.uid.clone(),
            namespace: step.namespace.clone(),
            name: step.name.clone(),
            action: step.action,
        })
    }

    pub(super) fn look(&self) -> Command {
        Command::Look {
            uid: self.step.uid.clone(),
            namespace: self.step.namespace.clone(),
            name: self.step.name.clone(),
        }
    }

    pub(super) fn inspect(&self) -> Command {
        Command::Inspect { uid: self.step.uid.clone(), pod: Box::new(self.pod.clone()) }
    }

    pub(super) fn leaves(&mut self, now: Timestamp) {
        self.phase = Phase::Leaving { since: now };
        (self.blocked_by, self.since, self.answered) = (None, now, true);
        self.doubted_since = None;
    }

    pub(super) fn waits(&mut self, says: String, now: Timestamp, until: Timestamp) {
        self.phase = Phase::Waiting { not_before: until };
        self.waits_for_budget = false;
        self.answered = true;
        self.doubted_since = None;
        self.held_up(says, now);
    }

    pub(super) fn held_up(&mut self, says: String, now: Timestamp) {
        if self.blocked_by.as_ref() != Some(&says) {
            (self.blocked_by, self.since) = (Some(says), now);
        }
    }

    pub(super) fn doubts(&mut self, says: String, now: Timestamp, until: Timestamp) {
        self.phase = Phase::Doubtful { not_before: until, looking: false };
        self.held_up(says, now);
        self.doubted_since.get_or_insert(now);
    }

    /// What will keep it even when its containers have stopped.
    pub fn held(&self) -> Option<String> {
        let finalizers = self.pod.finalizers();
        (!finalizers.is_empty()).then(|| format!("held by finalizer {}", finalizers.join(", ")))
    }

    pub(super) fn gave_up(&self, now: Timestamp) -> bool {
        self.doubted_since.is_some_and(|since| since + GIVE_UP_AFTER <= now)
    }

    pub(super) fn doubted_since(&self) -> Option<Timestamp> {
        self.doubted_since
    }

    /// Read and found alive, but what the server makes of its eviction is as unclear as before.
    pub(super) fn still_doubted(&mut self, since: Option<Timestamp>) {
        self.doubted_since = since;
    }

    pub fn was_asked_for(&self) -> bool {
        self.asks > 0
    }

    pub(super) fn is_unselected(&self) -> bool {
        self.unselected
    }

    /// Doubles from attempt to attempt; spread by the UID so that pods do not come back in step.
    pub(super) fn backoff(&mut self) -> SignedDuration {
        self.attempts = self.attempts.saturating_add(1);
        let spread = self.step.uid.bytes().fold(0i32, |sum, b| (sum * 31 + i32::from(b)) % 250);
        let doubled = BACKOFF_FIRST * 2i32.saturating_pow(self.attempts.min(8) - 1);
        doubled.min(BACKOFF_MOST) + SignedDuration::from_millis(spread.abs().into())
    }

    /// The pause after a refusal of which no watch will say that it is over.
    pub(super) fn pause_after_refusal(&mut self) -> SignedDuration {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals <= FIRST_REFUSALS { RETRY_FIRST } else { RETRY_LATER }
    }

    /// The end of its grace period, by the server's clock.
    fn due(&self) -> Option<Timestamp> {
        matches!(self.phase, Phase::Leaving { .. }).then(|| self.pod.deletion_timestamp()).flatten()
    }

    /// When an accepted eviction should have shown in the pod.
    fn shows_by(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Leaving { since } if !self.pod.is_terminating() => Some(since + SHOWS_WITHIN),
            _ => None,
        }
    }

    pub(super) fn wake_at(&self, skip_wait: Option<i64>) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting { not_before } => Some(not_before),
            Phase::Doubtful { not_before, looking: false } => Some(not_before),
            Phase::Leaving { .. } => {
                let stuck = self.due().filter(|_| !self.told_stuck).map(|due| due + STUCK_AFTER);
                let skip =
                    self.due().zip(skip_wait).map(|(due, limit)| due + SignedDuration::from_secs(limit + 1));
                stuck.into_iter().chain(skip).chain(self.shows_by()).min()
            }
            _ => None,
        }
    }
}

impl Engine {
    /// What the watch says of a pod.
    pub fn pod_seen(&mut self, node: &str, pod: Pod, now: Timestamp) {
        let Some(state) = self.pods.get_mut(pod.uid()) else { return self.late(node, pod, now) };
        let lost_controller = pod.controller().is_none() && state.pod.controller().is_some();
        let terminating = pod.is_terminating();
        state.pod = pod;
        state.unselected = false;
        match state.phase {
            Phase::Awaited { .. } if !state.pod.node().is_empty() => {
                let uid = state.step.uid.clone();
                self.arrived(&uid, now);
            }
            Phase::Waiting { .. } | Phase::Late { .. } if terminating => {
                state.leaves(now);
                self.progress = now;
                self.events.push(Event::Leaving { pod: state.step.key() });
            }
            // Nothing would make it again now, and nobody agreed to that.
            Phase::Waiting { .. } if lost_controller => state.phase = Phase::Late { inspecting: false },
            // Our own eviction, as far as anybody can tell; the answer, if one comes, changes nothing any more.
            Phase::Asking | Phase::Doubtful { .. } if terminating => {
                let uid = state.step.uid.clone();
                self.evicted(&uid, now);
            }
            _ => {}
        }
    }

    pub fn pod_gone(&mut self, uid: &str, now: Timestamp) {
        match self.pods.get_mut(uid) {
            // Under a selector the watch says the same of a pod that was relabelled: only a reading tells.
            Some(state) if self.options.pod_selector.is_some() && !state.phase.is_final() => {
                state.unselected = true;
                state.doubts(NO_LONGER_SELECTED.to_owned(), now, now);
            }
            _ => self.gone(uid, now),
        }
    }

    /// The watch begins anew with this list. How old it is compared with other readings is not known, so what it lacks is read again.
    pub fn pods_synced(&mut self, node: &str, pods: Vec<Pod>, now: Timestamp) {
        let Some(index) = self.index(node) else { return };
        let listed: BTreeSet<&str> = pods.iter().map(PodExt::uid).collect();
        let is_missing =
            |p: &PodState| p.node == index && p.phase.is_open() && !listed.contains(p.step.uid.as_str());
        if self.pods.values().any(is_missing) {
            self.nodes[index].suspect();
        }
        for pod in pods {
            self.pod_seen(node, pod, now);
        }
    }

    /// Everything that is on the node, by a reading that was asked for when `present` was known to be there.
    pub(super) fn listed(
        &mut self,
        index: usize,
        present: &BTreeSet<String>,
        found: &NodeNow,
        now: Timestamp,
    ) {
        let node = self.nodes[index].name.clone();
        let all = || found.pods.iter().chain(&found.unselected).chain(&found.awaited);
        let listed: BTreeSet<&str> = all().map(PodExt::uid).collect();
        for uid in present.iter().filter(|uid| !listed.contains(uid.as_str())) {
            self.vanished(uid, now);
        }
        for pod in &found.pods {
            match self.pods.get_mut(pod.uid()) {
                // It is there, whatever was thought of it: the pod itself decides.
                Some(state) if state.phase == Phase::Gone => {
                    state.doubts("was thought to be gone, and is listed".to_owned(), now, now);
                }
                _ => self.pod_seen(&node, pod.clone(), now),
            }
        }
        for pod in &found.unselected {
            self.unselected(index, pod, now);
        }
        for pod in
            found.awaited.iter().filter(|p| !self.pods.contains_key(p.uid())).cloned().collect::<Vec<_>>()
        {
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
                self.order.retain(|other| other != uid);
            }
            phase if selective && phase.is_open() => {
                state.unselected = true;
                state.doubts(NO_LONGER_SELECTED.to_owned(), now, now);
            }
            // Also one that was to stay: it is not there any more.
            _ => self.gone(uid, now),
        }
    }

    /// A pod that `--pod-selector` does not select: it stays, and is shown.
    fn unselected(&mut self, index: usize, pod: &Pod, now: Timestamp) {
        match self.pods.get_mut(pod.uid()) {
            Some(state) if state.phase.is_open() && !pod.is_terminating() => {
                state.phase = Phase::Kept;
                (state.step.reason, state.step.action) = (NO_LONGER_SELECTED.to_owned(), Action::Keep);
            }
            Some(_) => {}
            None => {
                let step = Step { reason: UNSELECTED.to_owned(), ..Step::keep(pod) };
                self.add(PodState::planned(step, index, pod.clone(), now));
            }
        }
    }

    pub(super) fn evicted(&mut self, uid: &str, now: Timestamp) {
        let Some(state) = self.pods.get_mut(uid) else { return };
        state.leaves(now);
        let pod = state.step.key();
        self.progress = now;
        if state.was_asked_for() {
            state.accepted = true;
            self.events.push(Event::Evicted { pod, grace_seconds: state.step.grace_seconds });
        } else {
            self.events.push(Event::Leaving { pod });
        }
    }

    pub(super) fn gone(&mut self, uid: &str, now: Timestamp) {
        let Some(state) = self.pods.get_mut(uid).filter(|p| p.phase != Phase::Gone) else { return };
        let stayed = matches!(state.phase, Phase::Kept | Phase::Remains);
        let took = match state.phase {
            Phase::Leaving { since } => now.duration_since(since),
            _ => SignedDuration::ZERO,
        };
        state.phase = Phase::Gone;
        (state.blocked_by, state.failure, state.gone_at) = (None, None, Some(now));
        let first = state.took.replace(took).is_none();
        self.progress = now;
        if first && !stayed {
            self.events.push(Event::Gone { pod: state.step.key(), took_seconds: took.as_secs_f64() });
        }
    }

    pub(super) fn fail(&mut self, uid: &str, why: String) {
        let Some(state) = self.pods.get_mut(uid).filter(|p| !p.phase.is_final()) else { return };
        state.phase = Phase::Failed;
        state.failure = Some(why.clone());
        self.events.push(Event::Failed { pod: state.step.key(), why });
    }

    /// Pods past their grace period: said once, and skipped if the user set a limit.
    pub(super) fn notice_overdue(&mut self, now: Timestamp) {
        let skip_wait = self.options.skip_wait_for_delete;
        for state in self.pods.values_mut() {
            if state.shows_by().is_some_and(|by| by <= now) {
                state.doubts("its eviction was accepted, and it is not terminating".to_owned(), now, now);
                continue;
            }
            let Some(due) = state.due() else { continue };
            if skip_wait.is_some_and(|limit| now > due + SignedDuration::from_secs(limit)) {
                state.phase = Phase::Kept;
                state.step.reason = SKIPPED.into();
                continue;
            }
            if now >= due + STUCK_AFTER && !state.told_stuck {
                state.told_stuck = true;
                let why = state.held().unwrap_or_else(|| {
                    "no finalizer holds it; look at the node's kubelet and its volumes".to_owned()
                });
                state.blocked_by = Some(why.clone());
                self.events.push(Event::Stuck { pod: state.step.key(), why });
            }
        }
    }
}
