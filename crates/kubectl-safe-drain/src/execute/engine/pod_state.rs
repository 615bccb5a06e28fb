//! The eviction of one pod.

use cluster_model::PodExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::command::{Command, Ticket};
use super::limits::{BACKOFF_FIRST, BACKOFF_MOST};
use crate::execute::cause::{Blocker, FailureReason, RemainReason};
use crate::plan::Step;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not bound yet, but it will be, cordon or not: its volume is being provisioned for this node.
    Awaited {
        since: Timestamp,
    },
    /// Came after the plan: what decides about it is still to be read.
    Late {
        reading: bool,
    },
    /// To be evicted, not before this time.
    Waiting {
        not_before: Timestamp,
    },
    Evicting,
    /// An answer was lost, or a list and the watch disagree: the pod is read again before anything else.
    OutcomeUnknown {
        not_before: Timestamp,
        reading: bool,
    },
    /// Deleted; its containers are stopping.
    Terminating {
        since: Timestamp,
    },
    Gone,
    /// Not evicted, as the plan by.
    Ignored,
    /// Should be evicted and is not; its step has the reason.
    Remaining,
    Failed,
}

impl Phase {
    pub fn is_final(self) -> bool {
        matches!(self, Phase::Gone | Phase::Ignored | Phase::Remaining | Phase::Failed)
    }

    /// On the node, and neither gone nor given up.
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
    /// An eviction by this run was accepted.
    pub accepted: bool,
    /// What its eviction waits for.
    pub blocked_by: Option<Blocker>,
    /// Since when it waits for the same thing.
    pub since: Timestamp,
    /// `blocked_by` ends by itself: an answer was lost, the server is busy.
    is_transient: bool,
    /// What blocked it before that, and since when.
    blocked_before: Option<(Blocker, Timestamp)>,
    /// A change of its budget ends the wait early.
    pub(super) waits_for_budget: bool,
    pub failure: Option<FailureReason>,
    /// Of a pod that remains.
    pub remains: Option<RemainReason>,
    pub took: Option<SignedDuration>,
    /// When its deletion was first seen.
    pub(super) deletion_seen_at: Option<Timestamp>,
    pub gone_at: Option<Timestamp>,
    /// On the node before any pod of its controller was evicted: its controller had it there.
    pub(super) original: bool,
    pub(super) came_late: bool,
    pub(super) was_awaited: bool,
    /// No longer among the pods that `--pod-selector` selects.
    pub(super) unselected: bool,
    answered: bool,
    requests: u32,
    /// Of the last request.
    pub(super) ticket: Ticket,
    refusals: u32,
    attempts: u32,
    unknown_since: Option<Timestamp>,
    pub(super) reported_stuck: bool,
}

/// A server that restarts answers within this time.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_secs(300);
/// Time past the end of the grace period after which a pod counts as stuck.
pub(super) const STUCK_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// After an accepted eviction a pod is terminating within moments; if not, it is read again.
const TERMINATING_WITHIN: SignedDuration = SignedDuration::from_secs(10);
/// Of one pod, whatever the server answers.
const MAX_REQUESTS: u32 = 500;
/// Refusals whose end no watch reports are retried at this pace: first often, then seldom.
const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(5);
const RETRY_LATER: SignedDuration = SignedDuration::from_secs(30);
const FIRST_REFUSALS: u32 = 12;

impl PodState {
    pub fn planned(step: Step, node: usize, pod: Pod, now: Timestamp) -> Self {
        let stopping_since = pod.deletion_requested_at().unwrap_or(now).min(now);
        let phase = match (step.evicts(), step.already_terminating, pod.node().is_empty()) {
            (false, ..) => Phase::Ignored,
            (true, _, true) => Phase::Awaited { since: now },
            (true, true, _) => Phase::Terminating { since: stopping_since },
            (true, false, _) => Phase::Waiting { not_before: now },
        };
        PodState {
            step,
            node,
            pod,
            phase,
            accepted: false,
            blocked_by: None,
            since: now,
            is_transient: false,
            blocked_before: None,
            waits_for_budget: false,
            failure: None,
            remains: None,
            took: None,
            deletion_seen_at: None,
            gone_at: None,
            original: true,
            came_late: false,
            was_awaited: false,
            unselected: false,
            answered: false,
            requests: 0,
            ticket: 0,
            refusals: 0,
            attempts: 0,
            unknown_since: None,
            reported_stuck: false,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting { .. })
    }

    /// No request for it was answered yet.
    pub(super) fn awaits_first_answer(&self) -> bool {
        !self.answered
            && matches!(
                self.phase,
                Phase::Late { .. } | Phase::Waiting { .. } | Phase::Evicting | Phase::OutcomeUnknown { .. }
            )
    }

    /// The request, or why there will be none any more.
    pub(super) fn evict(&mut self, ticket: Ticket, now: Timestamp) -> Result<Command, FailureReason> {
        if self.requests >= MAX_REQUESTS {
            return Err(FailureReason::Attempts { count: MAX_REQUESTS, last: self.blocked_by.clone() });
        }
        self.requests += 1;
        self.ticket = ticket;
        self.phase = Phase::Evicting;
        if self.blocked_by.is_none() {
            self.since = now;
        }
        let step = &self.step;
        Ok(Command::Evict {
            ticket,
            uid: step.uid.clone(),
            namespace: step.namespace.clone(),
            name: step.name.clone(),
            action: step.action,
        })
    }

    pub(super) fn request_not_sent(&mut self, now: Timestamp) {
        self.requests -= 1;
        self.phase = Phase::Waiting { not_before: now };
    }

    pub(super) fn get(&self) -> Command {
        Command::GetPod {
            uid: self.step.uid.clone(),
            namespace: self.step.namespace.clone(),
            name: self.step.name.clone(),
            node: self.pod.node().to_owned(),
        }
    }

    pub(super) fn get_context(&self) -> Command {
        Command::GetPodContext { uid: self.step.uid.clone(), pod: Box::new(self.pod.clone()) }
    }

    pub(super) fn set_terminating(&mut self, now: Timestamp) {
        // Evictions by this run are timed more precisely than the server's whole seconds.
        let known = self.pod.deletion_requested_at().filter(|at| !self.eviction_was_requested() && *at < now);
        let since = known.unwrap_or(now);
        self.deletion_seen_at.get_or_insert(since);
        self.phase = Phase::Terminating { since };
        (self.blocked_by, self.blocked_before, self.is_transient) = (None, None, false);
        (self.since, self.answered) = (since, true);
        self.unknown_since = None;
    }

    pub(super) fn set_waiting(&mut self, by: Blocker, now: Timestamp, until: Timestamp) {
        self.wait_until(until);
        self.set_blocked(by, now);
    }

    pub(super) fn set_waiting_briefly(&mut self, by: Blocker, now: Timestamp, until: Timestamp) {
        self.wait_until(until);
        self.set_blocked_briefly(by, now);
    }

    fn wait_until(&mut self, until: Timestamp) {
        self.phase = Phase::Waiting { not_before: until };
        self.waits_for_budget = false;
        self.answered = true;
        self.unknown_since = None;
    }

    pub(super) fn set_blocked(&mut self, by: Blocker, now: Timestamp) {
        if self.blocked_by.as_ref() == Some(&by) {
            return;
        }
        // A transient cause in between does not restart the wait.
        self.since = match self.blocked_before.take() {
            Some((earlier, since)) if earlier == by => since,
            _ => now,
        };
        (self.blocked_by, self.is_transient) = (Some(by), false);
    }

    /// The same for a cause that ends by itself.
    fn set_blocked_briefly(&mut self, by: Blocker, now: Timestamp) {
        if self.blocked_by.as_ref() == Some(&by) {
            return;
        }
        let earlier = self.blocked_by.replace(by).map(|earlier| (earlier, self.since));
        if !std::mem::replace(&mut self.is_transient, true) {
            self.blocked_before = earlier;
        }
        self.since = now;
    }

    /// Since when its containers stop, by the server's clock if the pod is known to be terminating; `None` if they run.
    pub fn stopping_since(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Terminating { since } => Some(self.pod.deletion_requested_at().unwrap_or(since)),
            _ => None,
        }
    }

    pub(super) fn set_outcome_unknown(&mut self, by: Blocker, now: Timestamp, until: Timestamp) {
        self.phase = Phase::OutcomeUnknown { not_before: until, reading: false };
        self.set_blocked_briefly(by, now);
        self.unknown_since.get_or_insert(now);
    }

    /// What will keep it even when its containers have stopped.
    pub fn blocked_by_finalizers(&self) -> Option<Blocker> {
        let finalizers = self.pod.finalizers();
        (!finalizers.is_empty()).then(|| Blocker::Finalizers(finalizers.to_vec()))
    }

    pub(super) fn is_unknown_too_long(&self, now: Timestamp) -> bool {
        self.unknown_since.is_some_and(|since| since + GIVE_UP_AFTER <= now)
    }

    pub(super) fn unknown_since(&self) -> Option<Timestamp> {
        self.unknown_since
    }

    /// Read and found running, but the outcome of its eviction is as unknown as before.
    pub(super) fn keep_unknown_since(&mut self, since: Option<Timestamp>) {
        self.unknown_since = since;
    }

    pub fn eviction_was_requested(&self) -> bool {
        self.requests > 0
    }

    pub(super) fn is_unselected(&self) -> bool {
        self.unselected
    }

    /// Doubles from attempt to attempt; spread by the UID so that pods are not retried all at once.
    pub(super) fn backoff(&mut self) -> SignedDuration {
        self.attempts = self.attempts.saturating_add(1);
        let spread = self.step.uid.bytes().fold(0i32, |sum, b| (sum * 31 + i32::from(b)) % 250);
        let doubled = BACKOFF_FIRST * 2i32.saturating_pow(self.attempts.min(8) - 1);
        doubled.min(BACKOFF_MOST) + SignedDuration::from_millis(spread.abs().into())
    }

    /// The pause after a refusal whose end no watch reports.
    pub(super) fn pause_after_refusal(&mut self) -> SignedDuration {
        self.refusals = self.refusals.saturating_add(1);
        if self.refusals <= FIRST_REFUSALS { RETRY_FIRST } else { RETRY_LATER }
    }

    /// The end of its grace period, by the server's clock.
    pub(super) fn grace_period_end(&self) -> Option<Timestamp> {
        matches!(self.phase, Phase::Terminating { .. }).then(|| self.pod.deletion_timestamp()).flatten()
    }

    /// When a pod whose eviction was accepted should be terminating.
    pub(super) fn terminating_by(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Terminating { since } if !self.pod.is_terminating() => Some(since + TERMINATING_WITHIN),
            _ => None,
        }
    }

    pub(super) fn wake_at(&self, skip_wait: Option<i64>) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting { not_before } => Some(not_before),
            Phase::OutcomeUnknown { not_before, reading: false } => Some(not_before),
            Phase::Terminating { .. } => {
                let stuck =
                    self.grace_period_end().filter(|_| !self.reported_stuck).map(|due| due + STUCK_AFTER);
                let skip = self
                    .grace_period_end()
                    .zip(skip_wait)
                    .map(|(due, limit)| due + SignedDuration::from_secs(limit + 1));
                stuck.into_iter().chain(skip).chain(self.terminating_by()).min()
            }
            _ => None,
        }
    }
}
