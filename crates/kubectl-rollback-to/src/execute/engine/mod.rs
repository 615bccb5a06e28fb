//! The run as a state machine: answers, progress and time in; commands and events out. Pure.
//!
//! A engine, not a transaction: templates are written one after another, and if one fails, those written before can be put back.
//! Nothing is undone that was not asked for, and nobody else's change is ever overwritten.

mod deadline;
pub mod model;
mod restore;
mod silence;
mod step;
mod stuck;
#[cfg(test)]
mod tests;
mod watch;

use k8s_openapi::jiff::Timestamp;

use super::event::Event;
use super::guarded_patch::Wrote;
use crate::outcome::{Outcome, Verdict};
use model::{Command, End, Part, Question, Rules, UNSEEN};
use step::{Consent, Ours, Phase, Step};

/// So often a deletion is tried of pods that change between the look and the deletion.
const DELETIONS: usize = 10;
/// So often a restart by somebody else is followed.
const FOLLOWED: usize = 10;
/// So often what was watched may look like an end, and a fresh read says otherwise.
const DISAGREEMENTS: usize = 200;

/// What is done about the written ones after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Open,
    Asking,
    /// Whether what failed still does is being read.
    Confirming,
    Restore,
    Stop,
}

pub struct Engine {
    rules: Rules,
    steps: Vec<Step>,
    /// The first that failed.
    failed: Option<usize>,
    /// Nothing is written any more because of this one.
    halted: Option<usize>,
    decision: Decision,
    /// Ended from outside: nothing is begun any more.
    stopped: bool,
    /// The deadline passed, and what was written goes back.
    late: bool,
    /// Since when the API server owes an answer.
    unanswered: Option<Timestamp>,
    commands: Vec<Command>,
    events: Vec<Event>,
}

impl Engine {
    pub fn new(parts: Vec<Part>, rules: Rules) -> Self {
        let steps: Vec<Step> = parts.into_iter().map(Step::new).collect();
        let watched = steps.iter().enumerate().filter(|(_, s)| s.phase == Phase::Watching);
        let commands = watched.map(|(step, _)| Command::Watch(step)).collect();
        Engine {
            rules,
            steps,
            failed: None,
            halted: None,
            decision: Decision::Open,
            stopped: false,
            late: false,
            unanswered: None,
            commands,
            events: Vec::new(),
        }
    }

    /// What is to be done now. Each command once.
    pub fn next(&mut self, now: Timestamp) -> Vec<Command> {
        if self.stopped {
            return Vec::new();
        }
        for step in &mut self.steps {
            step.settle(now);
        }
        self.decide();
        let writing = self.steps.iter().any(|s| matches!(s.phase, Phase::Writing | Phase::Restoring));
        if !writing {
            // The last one written is the first to go back.
            let to_restore = self.steps.iter().rposition(|s| s.phase == Phase::ToRestore);
            let waiting = self.steps.iter().position(|s| s.phase == Phase::Waiting);
            if let Some(step) = to_restore {
                self.restore(step);
            } else if let Some(step) = waiting {
                self.steps[step].phase = Phase::Writing;
                self.commands.push(Command::Write(step));
            }
        }
        std::mem::take(&mut self.commands)
    }

    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub fn is_done(&self) -> bool {
        let decided = !matches!(self.decision, Decision::Asking | Decision::Confirming);
        decided && self.steps.iter().all(|step| step.phase == Phase::Over)
    }

    /// Is news of this step wanted?
    pub fn is_watching(&self, step: usize) -> bool {
        matches!(
            self.steps[step].phase,
            Phase::Watching | Phase::Telling { .. } | Phase::Settled { .. } | Phase::RestoreWatching
        )
    }

    /// When `next` has something to do without any news.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let lingering = self.steps.iter().filter_map(|step| match step.phase {
            Phase::Settled { until, .. } => until,
            _ => None,
        });
        lingering.chain(self.silent_at()).min()
    }

    /// What came of `Command::Write`.
    pub fn wrote(&mut self, step: usize, wrote: Wrote, now: Timestamp) {
        let workload = self.name(step);
        match wrote {
            Wrote::Written { mutated, .. } => {
                self.steps[step].ours = Ours::Yes;
                self.steps[step].written = true;
                self.events.push(Event::Written { workload, mutated });
                if self.late {
                    self.overdue(step);
                } else if self.rules.wait {
                    self.steps[step].phase = Phase::Watching;
                    self.commands.push(Command::Watch(step));
                } else {
                    let outcome = Outcome::new(Verdict::Done, "not watched (--no-wait)");
                    self.settled(step, outcome, now);
                }
            }
            Wrote::Already => {
                let already = "somebody else wrote the same template meanwhile";
                if self.rules.wait && !self.late {
                    self.steps[step].already = Some(already.to_owned());
                    self.steps[step].phase = Phase::Watching;
                    self.commands.push(Command::Watch(step));
                } else {
                    self.steps[step].over(Outcome::new(Verdict::Unchanged, format!("{already}; {UNSEEN}")));
                }
            }
            Wrote::Changed { change } => self.lapsed(step, &format!("{change} after planning")),
            Wrote::Gone => {
                self.steps[step].gone = true;
                self.lapsed(step, "deleted after planning");
            }
            Wrote::Failed { says } => self.failed(step, &format!("{says}; nothing was written")),
            Wrote::Unknown { says } => {
                self.steps[step].ours = Ours::Perhaps;
                self.steps[step].written = true;
                let status = self.steps[step].status();
                self.failed(step, &format!("{says}; unknown whether it was updated: {status}"));
            }
        }
    }

    /// What came of `Command::Finish`.
    pub fn finished(&mut self, step: usize, notes: Vec<String>, now: Timestamp) {
        self.note(step, notes);
        if let Phase::Settled { finishing, .. } = &mut self.steps[step].phase {
            *finishing = false;
        }
        self.steps[step].settle(now);
    }

    /// What came of `Command::Ask`; no answer is no. Time passed meanwhile: an answer is used only for what is still so.
    pub fn answered(&mut self, question: &Question, yes: bool) {
        match question {
            Question::Restore { .. } => {
                self.decision = if yes { Decision::Open } else { Decision::Stop };
                if yes {
                    self.confirm();
                }
            }
            Question::Unstick { step, .. } => {
                self.steps[*step].consent = if yes { Consent::Yes } else { Consent::No };
                self.verify_anew(*step);
            }
        }
    }

    /// It is over before it is done: nothing more is begun, and nothing is undone.
    pub fn stop(&mut self, end: &End) {
        self.stopped = true;
        if matches!(self.decision, Decision::Asking | Decision::Confirming) {
            self.undecided(end);
        }
        self.decision = Decision::Stop;
        for step in 0..self.steps.len() {
            if let Phase::Telling { .. } = self.steps[step].phase {
                self.logged(step, Vec::new());
            }
            self.steps[step].stop(end);
        }
        self.commands.clear();
    }

    /// One for each step, in their order.
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.steps.iter().map(Step::outcome).collect()
    }

    /// Was its template written? Also if that is not known.
    pub fn was_written(&self, step: usize) -> bool {
        self.steps[step].written
    }

    fn name(&self, step: usize) -> String {
        self.steps[step].id.to_string()
    }

    fn note(&mut self, step: usize, notes: Vec<String>) {
        let workload = self.name(step);
        self.events.extend(notes.into_iter().map(|says| Event::Note { workload: workload.clone(), says }));
    }

    fn settled(&mut self, step: usize, outcome: Outcome, now: Timestamp) {
        let this = &mut self.steps[step];
        let linger = this.contested && self.rules.wait;
        let until = linger.then(|| now.saturating_add(self.rules.linger).unwrap_or(now));
        this.phase = Phase::Settled { finishing: this.finish, until };
        this.outcome = Some(outcome);
        if this.finish {
            self.commands.push(Command::Finish(step));
        }
        this.settle(now);
    }

    /// What was agreed to is not there any more.
    fn lapsed(&mut self, step: usize, why: &str) {
        let says = format!("{why}; nothing was written");
        self.events.push(Event::Note { workload: self.name(step), says: says.clone() });
        self.steps[step].over(Outcome { changed: true, ..Outcome::new(Verdict::Refused, says) });
        self.fail(step);
    }

    fn failed(&mut self, step: usize, cause: &str) {
        self.failed_with(step, cause, Vec::new());
    }

    fn failed_with(&mut self, step: usize, cause: &str, log: Vec<String>) {
        let cause = self.steps[step].cause(cause);
        self.events.push(Event::Failed { workload: self.name(step), cause: cause.clone(), log });
        let pods = self.steps[step].pods.clone();
        self.steps[step].over(Outcome { pods, ..Outcome::new(Verdict::Failed, cause) });
        self.fail(step);
    }

    fn fail(&mut self, step: usize) {
        // Nothing was written to it, so what is wrong with it is no reason to leave or to put back the others.
        if self.steps[step].already.is_some() {
            return;
        }
        self.steps[step].failing = true;
        self.failed.get_or_insert(step);
        self.halt(step);
    }

    /// Nothing is begun any more.
    fn halt(&mut self, step: usize) {
        self.halted.get_or_insert(step);
        let cause = format!("not started, because {} did not succeed; nothing was written", self.name(step));
        for waiting in self.steps.iter_mut().filter(|s| s.phase == Phase::Waiting) {
            waiting.over(Outcome::new(Verdict::Refused, cause.clone()));
        }
    }
}
