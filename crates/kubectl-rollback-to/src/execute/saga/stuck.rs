//! A StatefulSet that waits for a broken pod: it is deleted, if the user agrees to that.

use super::{Command, Consent, Deletion, Event, Phase, Question, Saga};

impl Saga {
    pub(super) fn stuck(&mut self, step: usize, pod: &str, uid: &str, why: &str) {
        let workload = self.name(step);
        let this = &mut self.steps[step];
        this.stuck = Some((pod.to_owned(), uid.to_owned(), why.to_owned()));
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
                    "{workload} waits for pod {pod} ({why}). Delete it, and others that hold it up later?"
                );
                self.commands.push(Command::Ask(Question::Unstick { step, text }));
            }
        }
        match this.consent {
            Consent::Yes => {
                this.deleting.insert(uid.to_owned());
                this.asked += 1;
                let (pod, uid) = (pod.to_owned(), uid.to_owned());
                self.commands.push(Command::Delete { step, pod, uid });
            }
            Consent::No => {
                let again = this.again.clone();
                self.held_up(step, format!("waits for pod {pod} ({why}) until it is deleted: {again}"));
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
    pub fn deleted(&mut self, step: usize, pod: &str, deletion: Deletion) {
        let asked = &mut self.steps[step].asked;
        *asked = asked.saturating_sub(1);
        match deletion {
            Deletion::Deleted => {
                self.steps[step].unstuck = true;
                self.events.push(Event::Unstuck { workload: self.name(step), pod: pod.to_owned() });
            }
            Deletion::Gone => {}
            Deletion::Failed { says } => {
                self.held_up(step, format!("waits for pod {pod}, which could not be deleted: {says}"));
            }
        }
    }
}
