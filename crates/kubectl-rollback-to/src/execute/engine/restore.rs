//! The way back: what was written in this run is put back to where it was, as far as it is still ours.

use cluster_model::text::count;

use super::model::{Command, End, Question};
use super::{Decision, Engine, Ours, Phase};
use crate::execute::event::Event;
use crate::execute::guarded_patch::Wrote;
use crate::execute::progress::model::{Progress, State};
use crate::options::OnFailure;
use crate::outcome::Outcome;
use crate::outcome::Verdict;
use k8s_openapi::jiff::Timestamp;

impl Engine {
    /// What is done about a failure, once everything about it is known.
    pub(super) fn decide(&mut self) {
        let busy = |phase: &Phase| matches!(phase, Phase::Writing | Phase::Telling { .. });
        if self.failed.is_none() || self.steps.iter().any(|step| busy(&step.phase)) {
            return;
        }
        self.close_confirmation();
        if self.failed.is_none() {
            return;
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
                let text = match written.as_slice() {
                    [step] => format!("Restore {}?", self.name(*step)),
                    all => {
                        format!("Restore {} of this run?", count(all.len(), "workload"))
                    }
                };
                self.commands.push(Command::Ask(Question::Restore { text }));
            }
        }
        self.close_confirmation();
        if self.decision == Decision::Restore {
            for step in written {
                self.steps[step].phase = Phase::ToRestore;
            }
        }
    }

    /// Once all of it was read: back, if anything still fails.
    fn close_confirmation(&mut self) {
        let reading = self.steps.iter().any(|step| step.failing && step.verifying);
        if self.decision == Decision::Confirming && !reading {
            self.failed = self.steps.iter().position(|step| step.failing);
            self.decision = if self.failed.is_some() { Decision::Restore } else { Decision::Open };
        }
    }

    /// It ended before it was known whether what failed goes back.
    pub(super) fn undecided(&mut self, end: &End) {
        for step in self.steps.iter_mut().filter(|step| step.failing && step.is_restorable()) {
            let outcome = step.outcome.take();
            let pods = outcome.as_ref().map(|outcome| outcome.pods.clone()).unwrap_or_default();
            let (result, what) = end.words();
            let before = outcome.and_then(|outcome| outcome.cause).unwrap_or_default();
            let cause = match end {
                End::Silent(_) => format!("{before}; {what}; {}", step.not_put_back()),
                End::Timeout | End::Interrupted => {
                    format!("{what} before the decision whether to restore it: {before}")
                }
            };
            step.over(Outcome { pods, ..Outcome::new(result, cause) });
        }
    }

    /// Reads once more what was seen to fail: it may have become healthy since, while somebody thought about an answer.
    pub(super) fn confirm(&mut self) {
        self.decision = Decision::Confirming;
        for step in 0..self.steps.len() {
            // Of one whose answer was lost it is not known whose pods are seen.
            if self.steps[step].failing && self.steps[step].ours == Ours::Yes {
                self.verify_anew(step);
            }
        }
    }

    /// What came of that.
    pub(super) fn confirmed(&mut self, step: usize, progress: &Progress, now: Timestamp) {
        if !matches!(progress.state, State::Done { .. } | State::Superseded { restart: false, .. }) {
            return;
        }
        // What is claimed is reported as it was read for that.
        self.tell_changes(step, progress);
        let this = &mut self.steps[step];
        (this.failing, this.late) = (false, false);
        match &progress.state {
            State::Done { note } => {
                let workload = self.name(step);
                let says = "it became healthy meanwhile and is not restored".to_owned();
                self.events.push(Event::Note { workload, says });
                self.done(step, note.as_deref(), now);
                // It is not watched any more.
                self.steps[step].until_now();
            }
            // What failed is not there any more: no reason to put others back either.
            State::Superseded { by, at, .. } => self.superseded(step, by, *at),
            _ => {}
        }
    }

    pub(super) fn restore(&mut self, step: usize) {
        let workload = self.name(step);
        self.steps[step].phase = Phase::Restoring;
        self.events.push(Event::Restoring { workload });
        self.commands.push(Command::Restore(step));
    }

    /// What came of `Command::Restore`.
    pub fn restored(&mut self, step: usize, wrote: Wrote, notes: Vec<String>) {
        if self.steps[step].phase != Phase::Restoring {
            return;
        }
        self.note(step, notes);
        // Whatever it is now, it is restored once and never again.
        let this = &mut self.steps[step];
        this.spent = true;
        this.gone |= matches!(wrote, Wrote::Gone);
        this.ours = match wrote {
            Wrote::Failed { .. } => this.ours,
            Wrote::Unknown { .. } => Ours::Perhaps,
            Wrote::Written { .. } | Wrote::Already | Wrote::Changed { .. } | Wrote::Gone => Ours::No,
        };
        if matches!(wrote, Wrote::Written { .. } | Wrote::Already) {
            this.went_back();
        }
        match wrote {
            Wrote::Written { .. } if self.rules.wait => {
                let this = &mut self.steps[step];
                this.phase = Phase::RestoreWatching;
                (this.verifying, this.stale) = (false, false);
                self.commands.push(Command::Watch(step));
            }
            Wrote::Written { .. } => {
                self.is_back(step, "previous template restored; not watched (--no-wait)")
            }
            Wrote::Already => self.is_back(step, "it already has its previous template"),
            // Always the template: an annotation that somebody changed does not stop the way back.
            Wrote::Changed { change } => {
                let why = format!("{change} meanwhile");
                self.events.push(Event::NotRestored { workload: self.name(step), why: why.clone() });
                self.replaced(step, &format!("not restored: {why}"));
            }
            Wrote::Gone => self.not_back(step, "it was deleted meanwhile"),
            Wrote::Failed { says } => self.not_back(step, &says),
            Wrote::Unknown { says } => self.not_back(step, &format!("{says}; unknown whether it was")),
        }
    }

    pub(super) fn seen_back(&mut self, step: usize, state: &State) {
        match state {
            State::Done { .. } => self.is_back(step, "previous template restored"),
            State::Failed { cause, .. } => self.not_healthy(step, cause),
            State::Stalled { cause, .. } => self.not_healthy(step, cause),
            State::Reverted { by, .. } | State::Superseded { by, .. } => {
                self.events.push(Event::Superseded { workload: self.name(step), by: by.clone() });
                self.replaced(step, &format!("restored, and then {by} wrote another template"));
            }
            State::Deleted => {
                self.steps[step].gone = true;
                self.not_healthy(step, "it was deleted meanwhile");
            }
            State::Moving | State::Stuck { .. } => {}
        }
    }

    fn is_back(&mut self, step: usize, how: &str) {
        self.events.push(Event::Restored { workload: self.name(step) });
        let cause = format!("{}; {how}", self.why_back(step));
        self.back(step, Verdict::Restored, cause);
    }

    /// The template is back, its pods are not.
    pub(super) fn not_healthy(&mut self, step: usize, why: &str) {
        let why = format!("template restored; its pods are not healthy yet: {why}");
        self.events.push(Event::NotRestored { workload: self.name(step), why: why.clone() });
        let cause = format!("{}; {why}", self.why_back(step));
        self.back(step, Verdict::Failed, cause);
    }

    /// Somebody else's template is there: it is never undone.
    fn replaced(&mut self, step: usize, what: &str) {
        let cause = format!("{}; {what}, which is not overwritten", self.why_back(step));
        self.back(step, Verdict::Superseded, cause);
    }

    fn not_back(&mut self, step: usize, why: &str) {
        self.events.push(Event::NotRestored { workload: self.name(step), why: why.to_owned() });
        let cause = format!("{}; not restored: {why}", self.why_back(step));
        self.back(step, Verdict::Failed, cause);
    }

    /// Its pods are those that were seen last. Where it did not go back, that was when it failed.
    fn back(&mut self, step: usize, result: Verdict, cause: String) {
        let pods = self.steps[step].outcome.take().map(|outcome| outcome.pods).unwrap_or_default();
        self.steps[step].over(Outcome { pods, ..Outcome::new(result, cause) });
    }

    fn why_back(&self, step: usize) -> String {
        let own = self.steps[step].outcome.as_ref().filter(|outcome| {
            matches!(outcome.result, Verdict::Failed | Verdict::Timeout | Verdict::Stalled)
        });
        match (own.and_then(|outcome| outcome.cause.clone()), self.failed) {
            (Some(cause), _) => cause,
            (None, Some(failed)) => format!("{} failed", self.name(failed)),
            (None, None) => String::new(),
        }
    }
}
