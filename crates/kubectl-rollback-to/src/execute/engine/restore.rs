//! Restoring what was written in this run, as far as nobody else has changed it since.

use super::model::{Command, Question};
use super::{Decision, Engine, OwnTemplate, Phase, Step};
use crate::execute::event::{Event, Note};
use crate::execute::guarded_patch::Wrote;
use crate::execute::progress::model::{Progress, State};
use crate::options::OnFailure;
use crate::outcome::reason::{End, NotRestored, Reason};
use crate::outcome::{Outcome, RolloutResult};
use k8s_openapi::jiff::Timestamp;

impl Engine {
    /// What is done about a failure, once everything about it is known.
    pub(super) fn decide(&mut self) {
        let busy = |phase: &Phase| matches!(phase, Phase::Writing | Phase::FetchingLog { .. });
        if self.failed.is_none() || self.steps.iter().any(|step| busy(&step.phase)) {
            return;
        }
        self.close_confirmation();
        if self.failed.is_none() {
            return;
        }
        if self.rules.on_failure == OnFailure::Restore || self.decision == Decision::Restore {
            self.steps.iter_mut().for_each(Step::keep_restarted);
        }
        let written: Vec<usize> =
            (0..self.steps.len()).filter(|step| self.steps[*step].is_restorable()).collect();
        if written.is_empty() {
            return;
        }
        if self.decision == Decision::Open {
            match self.rules.on_failure {
                OnFailure::Restore => self.confirm(),
                OnFailure::Ask if self.rules.can_ask => self.decision = Decision::Asking,
                OnFailure::Ask | OnFailure::Stop => self.decision = Decision::Stop,
            }
            if self.decision == Decision::Asking {
                let workloads = written.iter().map(|step| self.id(*step)).collect();
                self.commands.push(Command::Ask(Question::Restore { workloads }));
            }
        }
        self.close_confirmation();
        if self.decision == Decision::Restore {
            for step in written {
                self.steps[step].phase = Phase::ToRestore;
            }
        }
    }

    /// Once all of it was read: restored, if anything still fails.
    fn close_confirmation(&mut self) {
        let reading = self.steps.iter().any(|step| step.failing && step.verifying);
        if self.decision == Decision::Confirming && !reading {
            self.failed = self.steps.iter().position(|step| step.failing);
            self.decision = if self.failed.is_some() { Decision::Restore } else { Decision::Open };
        }
    }

    /// It ended before it was known whether what failed is restored.
    pub(super) fn undecided(&mut self, end: &End) {
        for step in self.steps.iter_mut().filter(|step| step.failing && step.is_restorable()) {
            step.stop_undecided(end);
        }
    }

    /// Reads once more what failed: it may have become healthy since, as while a question was open.
    pub(super) fn confirm(&mut self) {
        self.decision = Decision::Confirming;
        for step in 0..self.steps.len() {
            // Of one whose answer was lost it is not known which template its pods have.
            if self.steps[step].failing && self.steps[step].own_template == OwnTemplate::Yes {
                self.verify_anew(step);
            }
        }
    }

    /// The result of that.
    pub(super) fn confirmed(&mut self, step: usize, progress: &Progress, now: Timestamp) {
        if !matches!(progress.state, State::Done { .. } | State::Superseded { restart: false, .. }) {
            return;
        }
        // The pods in the report are those of the read that the result is based on.
        self.report_changes(step, progress);
        let this = &mut self.steps[step];
        (this.failing, this.late) = (false, false);
        match &progress.state {
            State::Done { kept } => {
                self.report(step, Event::Note(Note::Healthy));
                self.done(step, kept.as_ref(), now);
                // It is not watched any more.
                self.steps[step].until_now();
            }
            // What failed is not there any more: no reason to restore others either.
            State::Superseded { by, .. } => self.superseded(step, by.clone()),
            _ => {}
        }
    }

    pub(super) fn restore(&mut self, step: usize) {
        self.steps[step].phase = Phase::Restoring;
        self.report(step, Event::Restoring);
        self.commands.push(Command::Restore(step));
    }

    /// The result of `Command::Restore`.
    pub fn restored(&mut self, step: usize, wrote: Wrote, notes: Vec<Note>) {
        if self.steps[step].phase != Phase::Restoring {
            return;
        }
        self.note(step, notes);
        // Whatever the result, it is not tried again.
        let this = &mut self.steps[step];
        this.restore_attempted = true;
        this.gone |= matches!(wrote, Wrote::Gone);
        this.own_template = match wrote {
            Wrote::Failed(_) => this.own_template,
            Wrote::Unknown(_) => OwnTemplate::Perhaps,
            Wrote::Written { .. } | Wrote::Already | Wrote::Changed(_) | Wrote::Gone => OwnTemplate::No,
        };
        // Somebody else's template has other pods, too.
        if !matches!(wrote, Wrote::Failed(_) | Wrote::Unknown(_)) {
            this.template_replaced();
        }
        match wrote {
            Wrote::Written { .. } if self.rules.wait => {
                let this = &mut self.steps[step];
                this.phase = Phase::RestoreWatching;
                (this.verifying, this.stale) = (false, false);
                self.commands.push(Command::Watch(step));
            }
            Wrote::Written { .. } => {
                self.is_restored(step, vec![Reason::Restored, Reason::NotWatched]);
            }
            Wrote::Already => self.is_restored(step, vec![Reason::HadPreviousTemplate]),
            // Always the template: an annotation that somebody changed is left alone.
            Wrote::Changed(change) => {
                self.not_restored(step, RolloutResult::Superseded, NotRestored::Changed(change));
            }
            Wrote::Gone => self.not_restored(step, RolloutResult::Failed, NotRestored::Deleted),
            Wrote::Failed(message) => {
                self.not_restored(step, RolloutResult::Failed, NotRestored::Failed(message));
            }
            Wrote::Unknown(message) => {
                self.not_restored(step, RolloutResult::Failed, NotRestored::Unknown(message));
            }
        }
    }

    pub(super) fn restored_is_seen(&mut self, step: usize, state: &State) {
        match state {
            State::Done { .. } => self.is_restored(step, vec![Reason::Restored]),
            State::Failed { cause, .. } | State::Stalled { cause, .. } => {
                self.not_healthy(step, Reason::Rollout(cause.clone()));
            }
            State::Reverted { by } | State::Superseded { by, .. } => {
                self.report(step, Event::Superseded(by.clone()));
                self.end_restore(
                    step,
                    RolloutResult::Superseded,
                    vec![Reason::RestoredAndReplaced(by.clone())],
                );
            }
            State::BeingDeleted(deletion) => {
                self.steps[step].gone = true;
                self.not_healthy(step, Reason::BeingDeleted(deletion.clone()));
            }
            State::Deleted => {
                self.steps[step].gone = true;
                self.not_healthy(step, Reason::Deleted);
            }
            State::Moving | State::Stuck { .. } => {}
        }
    }

    fn is_restored(&mut self, step: usize, how: Vec<Reason>) {
        self.report(step, Event::Restored);
        self.end_restore(step, RolloutResult::Restored, how);
    }

    /// Its template is restored, its pods are not healthy.
    pub(super) fn not_healthy(&mut self, step: usize, why: Reason) {
        self.not_restored(step, RolloutResult::Failed, NotRestored::Unhealthy(vec![why]));
    }

    fn not_restored(&mut self, step: usize, result: RolloutResult, why: NotRestored) {
        self.report(step, Event::NotRestored(why.clone()));
        self.end_restore(step, result, vec![Reason::NotRestored(why)]);
    }

    fn end_restore(&mut self, step: usize, result: RolloutResult, how: Vec<Reason>) {
        let own = self.steps[step].outcome.take().filter(|outcome| {
            matches!(outcome.result, RolloutResult::Failed | RolloutResult::Timeout | RolloutResult::Stalled)
        });
        let mut reasons = own.map(|outcome| outcome.reasons).unwrap_or_default();
        if reasons.is_empty() {
            reasons.extend(self.failed.map(|failed| Reason::OtherFailed(self.steps[failed].id.clone())));
        }
        reasons.extend(how);
        self.steps[step].over(Outcome::new(result, reasons));
    }
}
