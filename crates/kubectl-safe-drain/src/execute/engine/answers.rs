//! The effect of the answers to the engine's requests on their pods.

use cluster_model::PodExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::command::Ticket;
use super::limits::BACKOFF_MOST;
use super::pod_state::Phase;
use crate::execute::cause::{Blocker, FailureReason, Stop};
use crate::execute::event::Event;
use crate::plan::{Action, NO_LONGER_SELECTED};
use plugin_client::api::eviction::EvictionAnswer;

/// The server's Retry-After is ten seconds when a budget has just changed; never sleep longer on one answer.
const NOT_YET_MOST: SignedDuration = SignedDuration::from_secs(10);

impl Engine {
    /// The answer to `Command::Evict`.
    pub fn evict_answered(&mut self, ticket: Ticket, uid: &str, verdict: EvictionAnswer, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid).filter(|p| p.ticket == ticket) else { return };
        let budget = self.budgets.answered(pod, &verdict, now);
        if pod.phase != Phase::Evicting {
            return; // The watch was quicker than the answer.
        }
        let pause = pod.backoff();
        match verdict {
            EvictionAnswer::Accepted => self.evicted(uid, now),
            EvictionAnswer::NotFound => pod.set_outcome_unknown(Blocker::NotFound, now, now),
            // The pod waits for its watched budget, whatever the numbers in each answer; the budget's status is reported on its own.
            EvictionAnswer::BudgetSpent { message } => match budget {
                Some(budget) => {
                    pod.set_waiting(Blocker::Budget(budget), now, now);
                    pod.waits_for_budget = true;
                }
                None => self.blocked(uid, Blocker::BudgetAnswer { message }, now, now + BACKOFF_MOST),
            },
            EvictionAnswer::NotYet { message, retry_after } => {
                self.blocked_briefly(
                    uid,
                    Blocker::BudgetAnswer { message },
                    now,
                    now + retry_after.min(NOT_YET_MOST),
                );
                if let Some(pod) = self.pods.get_mut(uid) {
                    pod.waits_for_budget = true;
                }
            }
            EvictionAnswer::Busy { retry_after } => {
                self.blocked_briefly(uid, Blocker::ServerBusy, now, now + retry_after)
            }
            EvictionAnswer::NamespaceTerminating => {
                let until = now + pod.pause_after_refusal();
                self.blocked(uid, Blocker::NamespaceTerminating, now, until)
            }
            EvictionAnswer::Webhook { message } => {
                let until = now + pod.pause_after_refusal();
                self.blocked(uid, Blocker::Webhook { message }, now, until)
            }
            EvictionAnswer::Conflict => pod.set_outcome_unknown(Blocker::PreconditionFailed, now, now),
            EvictionAnswer::Unknown { message } => {
                pod.set_outcome_unknown(Blocker::NoAnswer { message }, now, now + pause)
            }
            EvictionAnswer::Denied { message } => {
                pod.set_waiting(Blocker::Forbidden { message: message.clone() }, now, now);
                self.stop(Stop::Forbidden { message });
            }
            EvictionAnswer::NoEvictionApi { message } => {
                self.fail(uid, FailureReason::NoEvictionApi { message })
            }
            EvictionAnswer::SeveralBudgets { message } | EvictionAnswer::Refused { message } => {
                self.fail(uid, FailureReason::Refused { message })
            }
        }
    }

    /// The request was not made: the state on which it was decided may be outdated.
    pub fn evict_not_sent(&mut self, ticket: Ticket, uid: &str, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid).filter(|p| p.ticket == ticket) else { return };
        self.budgets.answered(pod, &EvictionAnswer::Conflict, now);
        if pod.phase == Phase::Evicting {
            pod.request_not_sent(now);
        }
        let index = pod.node;
        self.nodes[index].require_recheck();
    }

    /// Waits for something other than a watched budget; reported when that changes.
    fn blocked(&mut self, uid: &str, by: Blocker, now: Timestamp, until: Timestamp) {
        self.report_blocked(uid, &by);
        if let Some(pod) = self.pods.get_mut(uid) {
            pod.set_waiting(by, now, until);
        }
    }

    /// The same for a cause that ends by itself.
    fn blocked_briefly(&mut self, uid: &str, by: Blocker, now: Timestamp, until: Timestamp) {
        self.report_blocked(uid, &by);
        if let Some(pod) = self.pods.get_mut(uid) {
            pod.set_waiting_briefly(by, now, until);
        }
    }

    fn report_blocked(&mut self, uid: &str, by: &Blocker) {
        let Some(pod) = self.pods.get(uid).filter(|p| p.blocked_by.as_ref() != Some(by)) else { return };
        self.events.push(Event::Blocked { pod: pod.step.key(), by: by.clone() });
    }

    /// The answer to `Command::GetPod`: the pod of that name, if there is one; an error means that it could not be read.
    pub fn pod_read(&mut self, uid: &str, found: Result<Option<Pod>, String>, now: Timestamp) {
        let Some(pod) = self.pods.get_mut(uid) else { return };
        let (Phase::OutcomeUnknown { reading: true, .. }, Some(by)) = (pod.phase, pod.blocked_by.clone())
        else {
            return;
        };
        let pause = pod.backoff();
        match found {
            Err(message) => pod.set_outcome_unknown(Blocker::NoAnswer { message }, now, now + pause),
            Ok(Some(found)) if found.uid() == uid => {
                let terminating = found.is_terminating();
                pod.pod = found;
                match (terminating, pod.is_unselected()) {
                    // The watch does not report when it is gone.
                    (true, true) => pod.set_outcome_unknown(by, now, now + pause),
                    (true, false) if pod.accepted => pod.set_terminating(now),
                    (true, false) => self.evicted(uid, now),
                    (false, true) => {
                        pod.phase = Phase::Ignored;
                        (pod.step.reason, pod.step.action) = (NO_LONGER_SELECTED.to_owned(), Action::Keep);
                    }
                    (false, false) if pod.is_unknown_too_long(now) => {
                        self.fail(uid, FailureReason::Blocked(by))
                    }
                    (false, false) => {
                        let since = pod.unknown_since();
                        pod.set_waiting(by, now, now + pause);
                        pod.keep_unknown_since(since);
                    }
                }
            }
            // Another UID under the same name is a replacement: the pod is gone, and its replacement is not touched.
            Ok(_) => self.gone(uid, now),
        }
    }
}
