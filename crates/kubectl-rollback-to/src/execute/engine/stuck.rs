//! A StatefulSet that waits for a broken pod: the pod is deleted if the user agrees, and if a read still shows it after that.

use super::model::{Command, Deletion, Question};
use super::{Consent, DELETIONS, Engine, Phase};
use crate::execute::event::Event;
use crate::outcome::reason::{BlockedByPod, Reason};

/// The blocking pod, as it was read.
pub(super) struct Blocker<'a> {
    pub pod: &'a str,
    pub uid: &'a str,
    pub version: &'a str,
    pub message: &'a str,
}

impl Engine {
    /// By a fresh read.
    pub(super) fn stuck(&mut self, step: usize, blocker: &Blocker<'_>) {
        let Blocker { pod, uid, version, message } = *blocker;
        let workload = self.id(step);
        let this = &mut self.steps[step];
        if this.deleting.contains(uid) {
            return;
        }
        let consent = match this.consents.get(uid) {
            Some(consent) => *consent,
            None if self.rules.unstick => Consent::Yes,
            None if self.rules.can_ask => {
                this.consents.insert(uid.to_owned(), Consent::Asking);
                let (pod, uid, message) = (pod.to_owned(), uid.to_owned(), message.to_owned());
                self.commands.push(Command::Ask(Question::Unstick { step, workload, pod, uid, message }));
                Consent::Asking
            }
            None => Consent::No,
        };
        match consent {
            Consent::Yes => {
                this.deleting.insert(uid.to_owned());
                this.deletions_under_way += 1;
                let (pod, uid, version) = (pod.to_owned(), uid.to_owned(), version.to_owned());
                self.commands.push(Command::Delete { step, pod, uid, version });
            }
            Consent::No => {
                let revision = (this.phase != Phase::RestoreWatching).then_some(this.revision);
                self.blocked(step, pod, BlockedByPod::UntilDeleted { message: message.to_owned(), revision });
            }
            Consent::Asking => {}
        }
    }

    fn blocked(&mut self, step: usize, pod: &str, why: BlockedByPod) {
        let reason = Reason::BlockedByPod { pod: pod.to_owned(), why };
        match self.steps[step].phase {
            Phase::Watching => self.failed(step, [reason]),
            Phase::RestoreWatching => self.not_healthy(step, reason),
            _ => {}
        }
    }

    /// The result of `Command::Delete`.
    pub fn deleted(&mut self, step: usize, pod: &str, uid: &str, deletion: Deletion) {
        let this = &mut self.steps[step];
        this.deletions_under_way = this.deletions_under_way.saturating_sub(1);
        match deletion {
            Deletion::Deleted => {
                this.unstuck = true;
                self.report(step, Event::Unstuck(pod.to_owned()));
            }
            Deletion::Gone => {}
            Deletion::Changed => {
                this.deleting.remove(uid);
                this.deletions += 1;
                if this.deletions < DELETIONS {
                    self.verify(step);
                } else {
                    self.blocked(step, pod, BlockedByPod::KeepsChanging);
                }
            }
            Deletion::Failed(message) => {
                self.blocked(step, pod, BlockedByPod::NotDeleted(message));
            }
        }
    }
}
