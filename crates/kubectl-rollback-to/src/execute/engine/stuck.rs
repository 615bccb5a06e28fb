//! A StatefulSet that waits for a broken pod: it is deleted, if the user agrees to that, and if it is still so by then.

use super::model::{Command, Deletion, Question};
use super::{Consent, DELETIONS, Engine, Phase};
use crate::execute::event::Event;

/// The pod in the way, as it was read.
pub(super) struct Blocker<'a> {
    pub pod: &'a str,
    pub uid: &'a str,
    pub version: &'a str,
    pub why: &'a str,
}

impl Engine {
    /// By a fresh read.
    pub(super) fn stuck(&mut self, step: usize, blocker: &Blocker<'_>) {
        let Blocker { pod, uid, version, why } = *blocker;
        let workload = self.name(step);
        let this = &mut self.steps[step];
        if this.deleting.contains(uid) {
            return;
        }
        if this.consent == Consent::Unasked {
            this.consent = match (self.rules.unstick, self.rules.can_ask) {
                (true, _) => Consent::Yes,
                (false, true) => Consent::Asking,
                (false, false) => Consent::No,
            };
            if this.consent == Consent::Asking {
                let text = format!(
                    "{workload} is blocked by pod {pod} ({why}). Delete it, and later blocking pods?"
                );
                self.commands.push(Command::Ask(Question::Unstick { step, text }));
            }
        }
        match this.consent {
            Consent::Yes => {
                this.deleting.insert(uid.to_owned());
                this.asked += 1;
                let (pod, uid, version) = (pod.to_owned(), uid.to_owned(), version.to_owned());
                self.commands.push(Command::Delete { step, pod, uid, version });
            }
            Consent::No => {
                let again = this.again.clone();
                self.held_up(step, format!("blocked by pod {pod} ({why}) until it is deleted: {again}"));
            }
            Consent::Unasked | Consent::Asking => {}
        }
    }

    fn held_up(&mut self, step: usize, cause: String) {
        match self.steps[step].phase {
            Phase::Watching => self.failed(step, &cause),
            Phase::RestoreWatching => self.not_healthy(step, &cause),
            _ => {}
        }
    }

    /// What came of `Command::Delete`.
    pub fn deleted(&mut self, step: usize, pod: &str, uid: &str, deletion: Deletion) {
        let this = &mut self.steps[step];
        this.asked = this.asked.saturating_sub(1);
        match deletion {
            Deletion::Deleted => {
                this.unstuck = true;
                self.events.push(Event::Unstuck { workload: self.name(step), pod: pod.to_owned() });
            }
            Deletion::Gone => {}
            Deletion::Changed => {
                this.deleting.remove(uid);
                this.deletions += 1;
                if this.deletions < DELETIONS {
                    self.verify(step);
                } else {
                    self.held_up(step, format!("blocked by pod {pod}, which keeps changing"));
                }
            }
            Deletion::Failed { says } => {
                self.held_up(step, format!("blocked by pod {pod}, which could not be deleted: {says}"));
            }
        }
    }
}
