//! One pod on its way off the node.

use cluster_model::PodExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::command::{Command, Ticket};
use super::limits::{BACKOFF_FIRST, BACKOFF_MOST};
use crate::plan::Step;

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
    /// What holds it up now passes by itself: an answer was lost, the server is busy.
    passing: bool,
    /// What held it up before that, and since when.
    before: Option<(String, Timestamp)>,
    /// A change of its budget ends the wait early.
    pub(super) waits_for_budget: bool,
    pub failure: Option<String>,
    pub took: Option<SignedDuration>,
    /// When its deletion was first seen.
    pub(super) left_at: Option<Timestamp>,
    pub(super) gone_at: Option<Timestamp>,
    /// On the node before any pod of its controller was evicted: its controller had it there.
    pub(super) original: bool,
    pub(super) came_late: bool,
    pub(super) was_awaited: bool,
    /// No longer among the pods that `--pod-selector` selects.
    pub(super) unselected: bool,
    answered: bool,
    asks: u32,
    /// Of the last request.
    pub(super) ticket: Ticket,
    refusals: u32,
    attempts: u32,
    doubted_since: Option<Timestamp>,
    pub(super) told_stuck: bool,
}

/// A server that gives no clear answer for this long is not riding out a restart any more.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_secs(300);
/// Time past the end of the grace period after which a pod counts as stuck.
pub(super) const STUCK_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// An eviction that was accepted shows in the pod within moments; if not, the pod is read again.
const SHOWS_WITHIN: SignedDuration = SignedDuration::from_secs(10);
/// No pod is asked for more often than this, whatever the server answers.
const MOST_ASKS: u32 = 500;
/// Refusals that no watch announces the end of are tried again at this pace: first often, then seldom.
const RETRY_FIRST: SignedDuration = SignedDuration::from_secs(5);
const RETRY_LATER: SignedDuration = SignedDuration::from_secs(30);
const FIRST_REFUSALS: u32 = 12;

impl PodState {
    pub fn planned(step: Step, node: usize, pod: Pod, now: Timestamp) -> Self {
        let stopping_since = pod.deletion_requested_at().unwrap_or(now).min(now);
        let phase = match (step.leaves(), step.leaving_already, pod.node().is_empty()) {
            (false, ..) => Phase::Kept,
            (true, _, true) => Phase::Awaited { since: now },
            (true, true, _) => Phase::Leaving { since: stopping_since },
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
            passing: false,
            before: None,
            waits_for_budget: false,
            failure: None,
            took: None,
            left_at: None,
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
            return Err(format!("not evicted after {MOST_ASKS} attempts: {by}"));
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

    pub(super) fn was_not_asked(&mut self, now: Timestamp) {
        self.asks -= 1;
        self.phase = Phase::Waiting { not_before: now };
    }

    pub(super) fn look(&self) -> Command {
        Command::Look {
            uid: self.step.uid.clone(),
            namespace: self.step.namespace.clone(),
            name: self.step.name.clone(),
            node: self.pod.node().to_owned(),
        }
    }

    pub(super) fn inspect(&self) -> Command {
        Command::Inspect { uid: self.step.uid.clone(), pod: Box::new(self.pod.clone()) }
    }

    pub(super) fn leaves(&mut self, now: Timestamp) {
        // Of our own evictions we know better than in whole seconds.
        let known = self.pod.deletion_requested_at().filter(|at| !self.was_asked_for() && *at < now);
        let since = known.unwrap_or(now);
        self.left_at.get_or_insert(since);
        self.phase = Phase::Leaving { since };
        (self.blocked_by, self.before, self.passing) = (None, None, false);
        (self.since, self.answered) = (since, true);
        self.doubted_since = None;
    }

    pub(super) fn waits(&mut self, says: String, now: Timestamp, until: Timestamp) {
        self.is_to_wait(until);
        self.held_up(says, now);
    }

    pub(super) fn waits_for_a_moment(&mut self, says: String, now: Timestamp, until: Timestamp) {
        self.is_to_wait(until);
        self.held_up_for_a_moment(says, now);
    }

    fn is_to_wait(&mut self, until: Timestamp) {
        self.phase = Phase::Waiting { not_before: until };
        self.waits_for_budget = false;
        self.answered = true;
        self.doubted_since = None;
    }

    pub(super) fn held_up(&mut self, says: String, now: Timestamp) {
        if self.blocked_by.as_ref() == Some(&says) {
            return;
        }
        // What something passing came between is still the same wait.
        self.since = match self.before.take() {
            Some((by, since)) if by == says => since,
            _ => now,
        };
        (self.blocked_by, self.passing) = (Some(says), false);
    }

    /// The same for what passes by itself.
    fn held_up_for_a_moment(&mut self, says: String, now: Timestamp) {
        if self.blocked_by.as_ref() == Some(&says) {
            return;
        }
        let earlier = self.blocked_by.replace(says).map(|by| (by, self.since));
        if !std::mem::replace(&mut self.passing, true) {
            self.before = earlier;
        }
        self.since = now;
    }

    /// Since when its containers stop, by the server's clock where the pod tells; `None` if they do not.
    pub fn stopping_since(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Leaving { since } => Some(self.pod.deletion_requested_at().unwrap_or(since)),
            _ => None,
        }
    }

    pub(super) fn doubts(&mut self, says: String, now: Timestamp, until: Timestamp) {
        self.phase = Phase::Doubtful { not_before: until, looking: false };
        self.held_up_for_a_moment(says, now);
        self.doubted_since.get_or_insert(now);
    }

    /// What will keep it even when its containers have stopped.
    pub fn held(&self) -> Option<String> {
        let finalizers = self.pod.finalizers();
        (!finalizers.is_empty()).then(|| format!("blocked by finalizer {}", finalizers.join(", ")))
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
    pub(super) fn due(&self) -> Option<Timestamp> {
        matches!(self.phase, Phase::Leaving { .. }).then(|| self.pod.deletion_timestamp()).flatten()
    }

    /// When an accepted eviction should have shown in the pod.
    pub(super) fn shows_by(&self) -> Option<Timestamp> {
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
