//! `--timeout` with `--on-failure=restore`: the deadline is a failure too, and the way back has a time of its own.

use super::{Engine, Ours, Phase};
use crate::execute::event::Event;
use crate::options::OnFailure;
use crate::outcome::{Outcome, Verdict};

impl Engine {
    /// The deadline passed. True if something is put back because of it: then the run goes on for that, once.
    pub fn deadline(&mut self) -> bool {
        let ours =
            |phase: &Phase| matches!(phase, Phase::Writing | Phase::Restoring | Phase::RestoreWatching);
        let goes_on = self.rules.on_failure == OnFailure::Restore
            && self.rules.wait
            && self.steps.iter().any(|step| (step.ours != Ours::No && !step.spent) || ours(&step.phase));
        if !goes_on || std::mem::replace(&mut self.late, true) {
            return false;
        }
        for step in 0..self.steps.len() {
            match self.steps[step].phase {
                Phase::Waiting => {
                    let cause = "--timeout passed before it was started; nothing was written";
                    self.steps[step].late = true;
                    self.steps[step].over(Outcome::new(Verdict::Timeout, cause));
                }
                Phase::Watching => self.overdue(step),
                Phase::Telling { .. } => {
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
        let cause = this.cause(&format!("--timeout passed{}", this.how_far()));
        let pods = this.pods.clone();
        this.over(Outcome { pods, ..Outcome::new(Verdict::Timeout, cause.clone()) });
        self.events.push(Event::Failed { workload: self.name(step), cause, log: Vec::new() });
        self.fail(step);
    }
}
