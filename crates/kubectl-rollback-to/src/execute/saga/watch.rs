//! What is seen of a rollout, and what that means for its step.

use super::{Command, Event, Ours, Outcome, Phase, Progress, Saga, State, Timestamp, Verdict};

impl Saga {
    /// How far it is.
    pub fn seen(&mut self, step: usize, progress: &Progress, now: Timestamp) {
        if !self.is_watching(step) || matches!(self.steps[step].phase, Phase::Telling { .. }) {
            return;
        }
        self.tell_changes(step, progress);
        let restoring = self.steps[step].phase == Phase::RestoreWatching;
        let settled = matches!(self.steps[step].phase, Phase::Settled { .. });
        match &progress.state {
            State::Reverted { by, at } if !restoring => {
                let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
                self.events.push(Event::Reverted { workload: self.name(step), by: by.clone() });
                self.steps[step].ours = Ours::No;
                let cause = format!("reverted by {by}{at}");
                self.steps[step].over(Outcome::new(Verdict::Failed, cause));
                self.fail(step);
            }
            State::Deleted if !restoring => {
                self.steps[step].ours = Ours::No;
                self.failed(step, "deleted while it was rolled back");
            }
            _ if settled => {}
            // It is done because a pod was deleted: first that is told.
            State::Done { .. } if self.steps[step].asked > 0 => {}
            State::Stuck { pod, pod_uid, why } => self.stuck(step, pod, pod_uid, why),
            state if restoring => self.seen_back(step, state),
            State::Done { note } => self.done(step, note.as_deref(), now),
            // A container that never ran has no log.
            State::Failed { cause, pod: Some(pod), container: Some(container) } => {
                self.steps[step].phase = Phase::Telling { cause: cause.clone(), pod: pod.clone() };
                let (pod, container) = (pod.clone(), container.clone());
                self.commands.push(Command::Log { step, pod, container });
            }
            State::Failed { cause, .. } => self.failed(step, cause),
            State::Moving | State::Reverted { .. } | State::Deleted => {}
        }
    }

    /// What came of `Command::Log`.
    pub fn logged(&mut self, step: usize, log: Vec<String>) {
        let Phase::Telling { cause, pod } = self.steps[step].phase.clone() else { return };
        for report in self.steps[step].pods.iter_mut().filter(|report| report.name == pod) {
            report.log.clone_from(&log);
        }
        self.failed_with(step, &cause, log);
    }

    /// The server does not let us look any more. That is no failure of the rollout, and nothing is put back for it.
    pub fn unwatchable(&mut self, step: usize, says: &str) {
        let status = self.steps[step].status();
        let cause = match self.steps[step].phase {
            Phase::Watching => format!("{says}; the rollout goes on unseen: {status}"),
            Phase::RestoreWatching => {
                format!("put back to where it was, but {says}; the rollout goes on unseen: {status}")
            }
            Phase::Settled { .. } => {
                self.steps[step].until_now();
                return;
            }
            _ => return,
        };
        let workload = self.name(step);
        self.events.push(Event::Failed { workload, cause: cause.clone(), log: Vec::new() });
        self.steps[step].over(Outcome::new(Verdict::Failed, cause));
        self.halt(step);
    }

    fn tell_changes(&mut self, step: usize, progress: &Progress) {
        let workload = self.name(step);
        let this = &mut self.steps[step];
        let (done, total) = (progress.done, progress.total);
        if this.moved != (done, total) {
            this.moved = (done, total);
            self.events.push(Event::Moved { workload: workload.clone(), done, total });
        }
        for (pod, cause) in this.new_troubles(&progress.pods) {
            self.events.push(Event::Trouble { workload: workload.clone(), pod, cause });
        }
        this.pods.clone_from(&progress.pods);
    }

    fn done(&mut self, step: usize, note: Option<&str>, now: Timestamp) {
        let this = &self.steps[step];
        let result = match note {
            Some(_) => Verdict::Partial,
            None if this.ours == Ours::No && !this.unstuck => Verdict::Unchanged,
            None => Verdict::Done,
        };
        let outcome = Outcome { result, cause: note.map(str::to_owned), pods: Vec::new(), changed: false };
        self.events.push(Event::Done { workload: self.name(step), note: note.map(str::to_owned) });
        self.settled(step, outcome, now);
    }
}
