//! The run as a state machine: answers, progress and time in; commands and events out. Pure.
//!
//! Not a transaction: templates are written one after another, and if one fails, those written before can be restored.
//! Nothing is restored without consent, and nobody else's change is ever overwritten.

mod deadline;
pub mod model;
mod restore;
mod silence;
mod step;
mod stuck;
#[cfg(test)]
mod tests;
mod watch;

use cluster_model::rollout::Id;
use k8s_openapi::jiff::Timestamp;

use super::event::{Event, Note};
use super::guarded_patch::Wrote;
use crate::outcome::reason::{Already, End, Reason};
use crate::outcome::{Outcome, RolloutResult};
use model::{Command, Question, Rules, StepInput};
use step::{Consent, OwnTemplate, Phase, Step};

/// Attempts to delete a pod that changes between the read and the deletion.
const DELETIONS: usize = 10;
/// Restarts by somebody else that are followed.
const FOLLOWED: usize = 10;
/// Times that a fresh read may contradict an end that was watched.
const DISAGREEMENTS: usize = 200;

/// What is done about the written ones after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Open,
    Asking,
    /// A read is under way: does it still fail?
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
    /// Ended from outside: nothing is started any more.
    stopped: bool,
    /// The deadline passed, and what was written is restored.
    late: bool,
    /// Since when a request is unanswered.
    unanswered: Option<Timestamp>,
    commands: Vec<Command>,
    /// With their steps.
    events: Vec<(usize, Event)>,
}

impl Engine {
    pub fn new(inputs: Vec<StepInput>, rules: Rules) -> Self {
        let steps: Vec<Step> = inputs.into_iter().map(Step::new).collect();
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
            // The last one written is the first to be restored.
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

    pub fn take_events(&mut self) -> Vec<(usize, Event)> {
        std::mem::take(&mut self.events)
    }

    pub fn is_done(&self) -> bool {
        let decided = !matches!(self.decision, Decision::Asking | Decision::Confirming);
        decided && self.steps.iter().all(|step| step.phase == Phase::Over)
    }

    /// Does this step need to know how far it is?
    pub fn is_watching(&self, step: usize) -> bool {
        matches!(
            self.steps[step].phase,
            Phase::Watching | Phase::FetchingLog { .. } | Phase::Settled { .. } | Phase::RestoreWatching
        )
    }

    /// When `next` has something to do although nothing changed.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let settled = self.steps.iter().filter_map(|step| match step.phase {
            Phase::Settled { until, .. } => until,
            _ => None,
        });
        settled.chain(self.silent_at()).min()
    }

    /// The result of `Command::Write`.
    pub fn wrote(&mut self, step: usize, wrote: Wrote, now: Timestamp) {
        match wrote {
            Wrote::Written { mutated, .. } => {
                self.steps[step].own_template = OwnTemplate::Yes;
                self.steps[step].written = true;
                let watched = self.rules.wait && !self.late;
                self.report(step, Event::Written { mutated, watched });
                if self.late {
                    self.overdue(step);
                } else if watched {
                    self.steps[step].phase = Phase::Watching;
                    self.commands.push(Command::Watch(step));
                } else {
                    let outcome = Outcome::new(RolloutResult::Done, [Reason::NotWatched]);
                    self.settled(step, outcome, now);
                }
            }
            Wrote::Already => {
                let already = Already::WrittenBySomebody;
                if self.rules.wait && !self.late {
                    self.steps[step].already = Some(already);
                    self.steps[step].phase = Phase::Watching;
                    self.commands.push(Command::Watch(step));
                } else {
                    let reasons = [Reason::Already(already), Reason::PodsNotChecked];
                    self.steps[step].over(Outcome::new(RolloutResult::Unchanged, reasons));
                }
            }
            Wrote::Changed(change) => self.lapsed(step, Reason::ChangedAfterPlanning(change)),
            Wrote::Gone => {
                self.steps[step].gone = true;
                self.lapsed(step, Reason::DeletedAfterPlanning);
            }
            Wrote::Failed(message) => {
                self.failed(step, [Reason::Message(message), Reason::NothingWritten]);
            }
            Wrote::Unknown(message) => {
                self.steps[step].own_template = OwnTemplate::Perhaps;
                self.steps[step].written = true;
                self.failed(step, [Reason::Message(message), Reason::UpdateUnknown]);
            }
        }
    }

    /// The result of `Command::Finish`.
    pub fn finished(&mut self, step: usize, notes: Vec<Note>, now: Timestamp) {
        self.note(step, notes);
        if let Phase::Settled { finishing, .. } = &mut self.steps[step].phase {
            *finishing = false;
        }
        self.steps[step].settle(now);
    }

    /// The result of `Command::Ask`; no answer is no. Time has passed since the question: a read confirms what was agreed to.
    pub fn answered(&mut self, question: &Question, yes: bool) {
        match question {
            Question::Restore { .. } => {
                self.decision = if yes { Decision::Open } else { Decision::Stop };
                if yes {
                    self.confirm();
                }
            }
            Question::Unstick { step, uid, .. } => {
                let consent = if yes { Consent::Yes } else { Consent::No };
                self.steps[*step].consents.insert(uid.clone(), consent);
                self.verify_anew(*step);
            }
        }
    }

    /// The run ends before it is done: nothing more is started, and nothing is undone.
    pub fn stop(&mut self, end: &End) {
        self.stopped = true;
        if matches!(self.decision, Decision::Asking | Decision::Confirming) {
            self.undecided(end);
        }
        self.decision = Decision::Stop;
        for step in 0..self.steps.len() {
            if let Phase::FetchingLog { .. } = self.steps[step].phase {
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

    fn id(&self, step: usize) -> Id {
        self.steps[step].id.clone()
    }

    fn report(&mut self, step: usize, event: Event) {
        self.events.push((step, event));
    }

    fn note(&mut self, step: usize, notes: Vec<Note>) {
        self.events.extend(notes.into_iter().map(|note| (step, Event::Note(note))));
    }

    fn settled(&mut self, step: usize, outcome: Outcome, now: Timestamp) {
        let this = &mut self.steps[step];
        let goes_on = this.has_reconciling_owner && self.rules.wait;
        let until = goes_on.then(|| now.saturating_add(self.rules.watch_after_done).unwrap_or(now));
        this.phase = Phase::Settled { finishing: this.finish, until };
        this.outcome = Some(outcome);
        if this.finish {
            self.commands.push(Command::Finish(step));
        }
        this.settle(now);
    }

    /// It is not any more what was agreed to.
    fn lapsed(&mut self, step: usize, why: Reason) {
        let reasons = vec![why, Reason::NothingWritten];
        let note = Note::NotWritten(reasons.clone());
        self.report(step, Event::Note(note));
        self.steps[step].over(Outcome { changed: true, ..Outcome::new(RolloutResult::Refused, reasons) });
        self.fail(step);
    }

    fn failed(&mut self, step: usize, reasons: impl Into<Vec<Reason>>) {
        self.failed_with(step, reasons, Vec::new());
    }

    fn failed_with(&mut self, step: usize, reasons: impl Into<Vec<Reason>>, log: Vec<String>) {
        let reasons = self.steps[step].reasons(reasons);
        self.report(step, Event::Failed { reasons: reasons.clone(), log });
        self.steps[step].over(Outcome::new(RolloutResult::Failed, reasons));
        self.fail(step);
    }

    fn fail(&mut self, step: usize) {
        // Nothing was written to it: its failure is no reason to stop or to restore the others.
        if self.steps[step].already.is_some() {
            return;
        }
        self.steps[step].failing = true;
        self.failed.get_or_insert(step);
        self.halt(step);
    }

    /// Nothing is started any more.
    fn halt(&mut self, step: usize) {
        self.halted.get_or_insert(step);
        let reasons = [Reason::NotStarted(Some(self.id(step))), Reason::NothingWritten];
        for waiting in self.steps.iter_mut().filter(|s| s.phase == Phase::Waiting) {
            waiting.over(Outcome::new(RolloutResult::Refused, reasons.clone()));
        }
    }
}
