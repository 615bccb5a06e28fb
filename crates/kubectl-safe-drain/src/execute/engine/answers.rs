//! What the answers to the engine's requests mean for the pod they are about.

use cluster_model::PodExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::command::Ticket;
use super::limits::BACKOFF_MOST;
use super::pods::Phase;
use crate::execute::event::Event;
use crate::execute::verdict::Verdict;
use crate::plan::{Action, NO_LONGER_SELECTED};

/// The server asks for ten seconds when a budget has just changed; never sleep longer on one answer.
const NOT_YET_MOST: SignedDuration = SignedDuration::from_secs(10);

impl Engine {
    /// The answer to `Command::Ask`.
    pub fn answered(&mut self, ticket: Ticket, uid: &str, verdict: Verdict, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid).filter(|p| p.ticket == ticket) else { return };
        let budget = self.budgets.answered(pod, &verdict, now);
        if pod.phase != Phase::Asking {
            return; // The watch was quicker than the answer.
        }
        let pause = pod.backoff();
        match verdict {
            Verdict::Accepted => self.evicted(uid, now),
            Verdict::NotFound => pod.doubts("the server returned NotFound".into(), now, now),
            // A budget that is watched has its own gate, and says itself what it waits for: the pod waits for that budget, whatever the
            // numbers are in each answer.
            Verdict::BudgetSpent { says } => match budget {
                Some(budget) => {
                    pod.waits(budget, now, now);
                    pod.waits_for_budget = true;
                }
                None => self.blocked(uid, says, now, now + BACKOFF_MOST),
            },
            Verdict::NotYet { says, retry_after } => {
                self.blocked_for_a_moment(uid, says, now, now + retry_after.min(NOT_YET_MOST));
                if let Some(pod) = self.pods.get_mut(uid) {
                    pod.waits_for_budget = true;
                }
            }
            Verdict::Busy { retry_after } => {
                self.blocked_for_a_moment(uid, "the API server is busy".into(), now, now + retry_after)
            }
            Verdict::NamespaceTerminating => {
                let until = now + pod.pause_after_refusal();
                self.blocked(uid, "its namespace is being deleted".into(), now, until)
            }
            Verdict::Webhook { says } => {
                let until = now + pod.pause_after_refusal();
                self.blocked(uid, says, now, until)
            }
            Verdict::Conflict => pod.doubts("its precondition failed".into(), now, now),
            Verdict::Unknown { says } => pod.doubts(says, now, now + pause),
            Verdict::Denied { says } => {
                pod.waits(says.clone(), now, now);
                self.denied = Some(says.clone());
                self.stop(says);
            }
            Verdict::SeveralBudgets { says } | Verdict::Refused { says } => self.fail(uid, says),
        }
    }

    /// The request was not made: whatever it was decided on has passed.
    pub fn not_sent(&mut self, ticket: Ticket, uid: &str, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid).filter(|p| p.ticket == ticket) else { return };
        self.budgets.answered(pod, &Verdict::Conflict, now);
        if pod.phase == Phase::Asking {
            pod.was_not_asked(now);
        }
        let index = pod.node;
        self.nodes[index].suspect();
    }

    /// Waits for something other than a watched budget; said when it is news.
    fn blocked(&mut self, uid: &str, says: String, now: Timestamp, until: Timestamp) {
        self.tell_blocked(uid, &says);
        if let Some(pod) = self.pods.get_mut(uid) {
            pod.waits(says, now, until);
        }
    }

    /// The same for what passes by itself.
    fn blocked_for_a_moment(&mut self, uid: &str, says: String, now: Timestamp, until: Timestamp) {
        self.tell_blocked(uid, &says);
        if let Some(pod) = self.pods.get_mut(uid) {
            pod.waits_for_a_moment(says, now, until);
        }
    }

    fn tell_blocked(&mut self, uid: &str, says: &str) {
        let Some(pod) = self.pods.get(uid).filter(|p| p.blocked_by.as_deref() != Some(says)) else { return };
        self.events.push(Event::Blocked { what: pod.step.key(), says: says.to_owned(), waiting: 1 });
    }

    /// The answer to `Command::Look`: the pod of that name, if there is one; an error means that nothing was learnt.
    pub fn looked(&mut self, uid: &str, found: Result<Option<Pod>, String>, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        let Phase::Doubtful { looking: true, .. } = pod.phase else { return };
        let pause = pod.backoff();
        let says = pod.blocked_by.clone().unwrap_or_default();
        match found {
            Err(says) => pod.doubts(says, now, now + pause),
            Ok(Some(found)) if found.uid() == uid => {
                let terminating = found.is_terminating();
                pod.pod = found;
                match (terminating, pod.is_unselected()) {
                    // The watch will not say when it is gone.
                    (true, true) => pod.doubts(says, now, now + pause),
                    (true, false) if pod.accepted => pod.leaves(now),
                    (true, false) => self.evicted(uid, now),
                    (false, true) => {
                        pod.phase = Phase::Kept;
                        (pod.step.reason, pod.step.action) = (NO_LONGER_SELECTED.to_owned(), Action::Keep);
                    }
                    (false, false) if pod.gave_up(now) => self.fail(uid, says),
                    (false, false) => {
                        let since = pod.doubted_since();
                        pod.waits(says, now, now + pause);
                        pod.still_doubted(since);
                    }
                }
            }
            // Another UID under the same name is a replacement: ours is gone, and the replacement is not ours to touch.
            Ok(_) => self.gone(uid, now),
        }
    }
}
