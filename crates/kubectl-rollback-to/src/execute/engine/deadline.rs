//! `--timeout` with `--on-failure=restore`: the deadline is a failure too, and the restore has its own time.

use super::{Engine, OwnTemplate, Phase};
use crate::execute::event::Event;
use crate::options::OnFailure;
use crate::outcome::reason::{End, EndedAt, Reason};
use crate::outcome::{Outcome, RolloutResult};

impl Engine {
    /// The deadline passed. True if something is restored because of it: then the run goes on for that, once.
    pub fn deadline(&mut self) -> bool {
        let is_writing =
            |phase: &Phase| matches!(phase, Phase::Writing | Phase::Restoring | Phase::RestoreWatching);
        let goes_on = self.rules.on_failure == OnFailure::Restore
            && self.rules.wait
            && self.steps.iter().any(|step| {
                (step.own_template != OwnTemplate::No && !step.restore_attempted) || is_writing(&step.phase)
            });
        if !goes_on || std::mem::replace(&mut self.late, true) {
            return false;
        }
        for step in 0..self.steps.len() {
            match self.steps[step].phase {
                Phase::Waiting => {
                    let this = &mut self.steps[step];
                    let ended = Reason::Ended { by: End::Timeout, at: EndedAt::NotStarted, pods: this.moved };
                    this.late = true;
                    this.over(Outcome::new(RolloutResult::Timeout, [ended]));
                }
                Phase::Watching => self.overdue(step),
                Phase::FetchingLog { .. } => {
                    self.steps[step].late = true;
                    self.logged(step, Vec::new());
                }
                Phase::Settled { .. } => self.steps[step].until_now(),
                Phase::ToRestore | Phase::Restoring | Phase::RestoreWatching => self.steps[step].late = true,
                Phase::Writing | Phase::Over => {}
            }
        }
        true
    }

    /// It is written, and did not become healthy in time.
    pub(super) fn overdue(&mut self, step: usize) {
        let this = &mut self.steps[step];
        this.late = true;
        let reasons = this.reasons([Reason::Overdue { pods: this.moved }]);
        this.over(Outcome::new(RolloutResult::Timeout, reasons.clone()));
        self.report(step, Event::Failed { reasons, log: Vec::new() });
        self.fail(step);
    }
}
