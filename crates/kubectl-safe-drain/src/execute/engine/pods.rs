//! One pod on its way off the node, and what the watch says about it.

use cluster_model::PodExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::{BACKOFF_FIRST, BACKOFF_MOST, Command, Engine};
use crate::execute::event::Event;
use crate::fate::SKIPPED;
use crate::plan::Step;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// To be asked for, not before this time.
    Waiting {
        not_before: Timestamp,
    },
    Asking,
    /// An answer was lost: the pod is read again before anything is repeated.
    Doubtful {
        not_before: Timestamp,
        looking: bool,
    },
    /// Deleted; its containers are stopping.
    Leaving {
        since: Timestamp,
    },
    Gone,
    Kept,
    Failed,
}

impl Phase {
    pub fn is_final(self) -> bool {
        matches!(self, Phase::Gone | Phase::Kept | Phase::Failed)
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
    /// A change of its budget ends the wait early.
    pub(super) waits_for_budget: bool,
    pub failure: Option<String>,
    pub took: Option<SignedDuration>,
    attempts: u32,
    doubted_since: Option<Timestamp>,
    told_stuck: bool,
}

/// A server that gives no clear answer for this long is not riding out a restart any more.
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_secs(300);
/// Time past the end of the grace period after which a pod counts as stuck.
const STUCK_AFTER: SignedDuration = SignedDuration::from_secs(30);

impl PodState {
    pub fn new(step: Step, node: usize, pod: Pod, now: Timestamp) -> Self {
        let phase = match (step.leaves(), step.leaving_already) {
            (false, _) => Phase::Kept,
            (true, true) => Phase::Leaving { since: now },
            (true, false) => Phase::Waiting { not_before: now },
        };
        PodState {
            step,
            node,
            pod,
            phase,
            accepted: false,
            blocked_by: None,
            waits_for_budget: false,
            failure: None,
            took: None,
            attempts: 0,
            doubted_since: None,
            told_stuck: false,
        }
    }

    pub(super) fn ask(&self) -> Command {
        let step = &self.step;
        Command::Ask {
            uid: step.uid.clone(),
            namespace: step.namespace.clone(),
            name: step.name.clone(),
            action: step.action,
        }
    }

    pub(super) fn look(&self) -> Command {
        Command::Look {
            uid: self.step.uid.clone(),
            namespace: self.step.namespace.clone(),
            name: self.step.name.clone(),
        }
    }

    pub(super) fn leaves(&mut self, now: Timestamp) {
        self.phase = Phase::Leaving { since: now };
        self.blocked_by = None;
    }

    pub(super) fn waits(&mut self, says: String, until: Timestamp) {
        self.phase = Phase::Waiting { not_before: until };
        self.blocked_by = Some(says);
        self.waits_for_budget = false;
    }

    pub(super) fn doubts(&mut self, says: String, now: Timestamp, until: Timestamp) {
        self.phase = Phase::Doubtful { not_before: until, looking: false };
        self.blocked_by = Some(says);
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

    /// Doubles from attempt to attempt; spread by the UID so that pods do not come back in step.
    pub(super) fn backoff(&mut self) -> SignedDuration {
        self.attempts += 1;
        let spread = self.step.uid.bytes().fold(0i32, |sum, b| (sum * 31 + i32::from(b)) % 250);
        let doubled = BACKOFF_FIRST * 2i32.saturating_pow(self.attempts.min(8) - 1);
        doubled.min(BACKOFF_MOST) + SignedDuration::from_millis(spread.abs().into())
    }

    /// The end of its grace period, by the server's clock.
    fn due(&self) -> Option<Timestamp> {
        matches!(self.phase, Phase::Leaving { .. }).then(|| self.pod.deletion_timestamp()).flatten()
    }

    pub(super) fn wake_at(&self, skip_wait: Option<i64>) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting { not_before } => Some(not_before),
            Phase::Doubtful { not_before, looking: false } => Some(not_before),
            Phase::Leaving { .. } => {
                let stuck = self.due().filter(|_| !self.told_stuck).map(|due| due + STUCK_AFTER);
                let skip =
                    self.due().zip(skip_wait).map(|(due, limit)| due + SignedDuration::from_secs(limit + 1));
                stuck.into_iter().chain(skip).min()
            }
            _ => None,
        }
    }
}

impl Engine {
    pub fn pod_seen(&mut self, node: &str, pod: Pod, now: Timestamp) {
        let Some(state) = self.pods.get_mut(pod.uid()) else { return self.late(node, pod, now) };
        let terminating = pod.is_terminating();
        state.pod = pod;
        if !terminating {
            return;
        }
        match state.phase {
            Phase::Waiting { .. } => {
                state.leaves(now);
                self.events.push(Event::Leaving { pod: state.step.key() });
            }
            // Our own eviction, as far as anybody can tell; the answer, if one comes, changes nothing any more.
            Phase::Asking | Phase::Doubtful { .. } => {
                state.leaves(now);
                state.accepted = true;
                self.events
                    .push(Event::Evicted { pod: state.step.key(), grace_seconds: state.step.grace_seconds });
            }
            _ => {}
        }
    }

    pub fn pod_gone(&mut self, uid: &str, now: Timestamp) {
        self.gone(uid, now);
    }

    /// Everything that is on the node, after a (re-)list.
    pub fn pods_synced(&mut self, node: &str, pods: Vec<Pod>, now: Timestamp) {
        let Some(index) = self.nodes.iter().position(|n| n.name == node) else { return };
        let missing: Vec<String> = self
            .pods
            .values()
            .filter(|p| p.node == index && !pods.iter().any(|seen| seen.uid() == p.step.uid))
            .map(|p| p.step.uid.clone())
            .collect();
        for uid in missing {
            self.gone(&uid, now);
        }
        for pod in pods {
            self.pod_seen(node, pod, now);
        }
    }

    pub(super) fn gone(&mut self, uid: &str, now: Timestamp) {
        let Some(state) = self.pods.get_mut(uid).filter(|p| !p.phase.is_final()) else { return };
        let took = match state.phase {
            Phase::Leaving { since } => now.duration_since(since),
            _ => SignedDuration::ZERO,
        };
        state.phase = Phase::Gone;
        state.blocked_by = None;
        state.took = Some(took);
        self.events.push(Event::Gone { pod: state.step.key(), took_seconds: took.as_secs_f64() });
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
