//! The effect of the answers to the engine's requests on their pods.

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
    /// The answer to `Command::Evict`.
    pub fn evict_answered(&mut self, ticket: Ticket, uid: &str, verdict: Verdict, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid).filter(|p| p.ticket == ticket) else { return };
        let budget = self.budgets.answered(pod, &verdict, now);
        if pod.phase != Phase::Evicting {
            return; // The watch was quicker than the answer.
        }
        let pause = pod.backoff();
        match verdict {
            Verdict::Accepted => self.evicted(uid, now),
            Verdict::NotFound => pod.set_outcome_unknown("the server returned NotFound".into(), now, now),
            // The pod waits for its watched budget, whatever the numbers in each answer; the budget's status is reported on its own.
            Verdict::BudgetSpent { says } => match budget {
                Some(budget) => {
                    pod.set_waiting(budget, now, now);
                    pod.waits_for_budget = true;
                }
                None => self.blocked(uid, says, now, now + BACKOFF_MOST),
            },
            Verdict::NotYet { says, retry_after } => {
                self.blocked_briefly(uid, says, now, now + retry_after.min(NOT_YET_MOST));
                if let Some(pod) = self.pods.get_mut(uid) {
                    pod.waits_for_budget = true;
                }
            }
            Verdict::Busy { retry_after } => {
                self.blocked_briefly(uid, "the API server is busy".into(), now, now + retry_after)
            }
            Verdict::NamespaceTerminating => {
                let until = now + pod.pause_after_refusal();
                self.blocked(uid, "its namespace is being deleted".into(), now, until)
            }
            Verdict::Webhook { says } => {
                let until = now + pod.pause_after_refusal();
                self.blocked(uid, says, now, until)
            }
            Verdict::Conflict => pod.set_outcome_unknown("its precondition failed".into(), now, now),
            Verdict::Unknown { says } => pod.set_outcome_unknown(says, now, now + pause),
            Verdict::Denied { says } => {
                pod.set_waiting(says.clone(), now, now);
                self.denied = Some(says.clone());
                self.stop(says);
            }
            Verdict::SeveralBudgets { says } | Verdict::Refused { says } => self.fail(uid, says),
        }
    }

    /// The request was not made: the state on which it was decided may be outdated.
    pub fn evict_not_sent(&mut self, ticket: Ticket, uid: &str, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid).filter(|p| p.ticket == ticket) else { return };
        self.budgets.answered(pod, &Verdict::Conflict, now);
        if pod.phase == Phase::Evicting {
            pod.request_not_sent(now);
        }
        let index = pod.node;
        self.nodes[index].require_recheck();
    }

    /// Waits for something other than a watched budget; reported when that changes.
    fn blocked(&mut self, uid: &str, says: String, now: Timestamp, until: Timestamp) {
        self.report_blocked(uid, &says);
        if let Some(pod) = self.pods.get_mut(uid) {
            pod.set_waiting(says, now, until);
        }
    }

    /// The same for a cause that ends by itself.
    fn blocked_briefly(&mut self, uid: &str, says: String, now: Timestamp, until: Timestamp) {
        self.report_blocked(uid, &says);
        if let Some(pod) = self.pods.get_mut(uid) {
            pod.set_waiting_briefly(says, now, until);
        }
    }

    fn report_blocked(&mut self, uid: &str, says: &str) {
        let Some(pod) = self.pods.get(uid).filter(|p| p.blocked_by.as_deref() != Some(says)) else { return };
        self.events.push(Event::Blocked { what: pod.step.key(), says: says.to_owned(), waiting: 1 });
    }

    /// The answer to `Command::GetPod`: the pod of that name, if there is one; an error means that it could not be read.
    pub fn pod_read(&mut self, uid: &str, found: Result<Option<Pod>, String>, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        let Phase::OutcomeUnknown { reading: true, .. } = pod.phase else { return };
        let pause = pod.backoff();
        let says = pod.blocked_by.clone().unwrap_or_default();
        match found {
            Err(says) => pod.set_outcome_unknown(says, now, now + pause),
            Ok(Some(found)) if found.uid() == uid => {
                let terminating = found.is_terminating();
                pod.pod = found;
                match (terminating, pod.is_unselected()) {
                    // The watch does not report when it is gone.
                    (true, true) => pod.set_outcome_unknown(says, now, now + pause),
                    (true, false) if pod.accepted => pod.set_terminating(now),
                    (true, false) => self.evicted(uid, now),
                    (false, true) => {
                        pod.phase = Phase::Ignored;
                        (pod.step.reason, pod.step.action) = (NO_LONGER_SELECTED.to_owned(), Action::Keep);
                    }
                    (false, false) if pod.is_unknown_too_long(now) => self.fail(uid, says),
                    (false, false) => {
                        let since = pod.unknown_since();
                        pod.set_waiting(says, now, now + pause);
                        pod.keep_unknown_since(since);
                    }
                }
            }
            // Another UID under the same name is a replacement: the pod is gone, and its replacement is not touched.
            Ok(_) => self.gone(uid, now),
        }
    }
}
