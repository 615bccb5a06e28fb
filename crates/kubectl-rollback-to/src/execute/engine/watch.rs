//! What is seen of a rollout, and what that means for its step. What is watched only says when to look: whatever is claimed or done
//! follows from a fresh read.

use cluster_model::rollout::Kind;

use super::model::Command;
use super::stuck::Blocker;
use super::{Consent, DISAGREEMENTS, Engine, FOLLOWED, Ours, Phase};
use crate::execute::event::Event;
use crate::execute::progress::model::{Progress, State};
use crate::outcome::{Outcome, Verdict};
use k8s_openapi::jiff::Timestamp;

impl Engine {
    /// How far it is, by what was watched.
    pub fn seen(&mut self, step: usize, progress: &Progress) {
        if !self.is_watching(step) || matches!(self.steps[step].phase, Phase::Telling { .. }) {
            return;
        }
        self.tell_changes(step, progress);
        if self.is_decisive(step, &progress.state) {
            self.verify(step);
        }
    }

    /// Is it worth a fresh read?
    fn is_decisive(&self, step: usize, state: &State) -> bool {
        let this = &self.steps[step];
        let settled = matches!(this.phase, Phase::Settled { .. });
        match state {
            State::Moving => false,
            State::Reverted { .. } | State::Deleted => true,
            _ if settled => false,
            // It is done because a pod was deleted: first that is told.
            State::Done { .. } => this.asked == 0,
            State::Stuck { pod_uid, .. } => {
                this.consent != Consent::Asking && !this.deleting.contains(pod_uid)
            }
            State::Failed { .. } | State::Stalled { .. } | State::Superseded { .. } => true,
        }
    }

    pub(super) fn verify(&mut self, step: usize) {
        if !std::mem::replace(&mut self.steps[step].verifying, true) {
            self.commands.push(Command::Verify(step));
        }
    }

    /// By a read that begins now: consent was just given, and what was read before is what was asked about.
    pub(super) fn verify_anew(&mut self, step: usize) {
        self.steps[step].stale = self.steps[step].verifying;
        self.verify(step);
    }

    /// What came of `Command::Verify`.
    pub fn verified(&mut self, step: usize, progress: &Progress, now: Timestamp) {
        if !std::mem::take(&mut self.steps[step].verifying) {
            return;
        }
        if std::mem::take(&mut self.steps[step].stale) {
            self.verify(step);
            return;
        }
        if self.steps[step].phase == Phase::Over && self.steps[step].failing {
            self.confirmed(step, progress, now);
            return;
        }
        if !self.is_watching(step) || matches!(self.steps[step].phase, Phase::Telling { .. }) {
            return;
        }
        self.tell_changes(step, progress);
        if progress.state == State::Moving {
            let this = &mut self.steps[step];
            this.disagreements += 1;
            if this.disagreements > DISAGREEMENTS {
                self.unwatchable(step, "the watched state differs from the state on the server");
            }
        }
        if self.is_decisive(step, &progress.state) {
            self.act_on(step, &progress.state, now);
        }
    }

    fn act_on(&mut self, step: usize, state: &State, now: Timestamp) {
        let restoring = self.steps[step].phase == Phase::RestoreWatching;
        match state {
            State::Stuck { pod, pod_uid, pod_version, why } => {
                self.stuck(step, &Blocker { pod, uid: pod_uid, version: pod_version, why });
            }
            State::Superseded { by, restart: true, .. } if self.steps[step].followed < FOLLOWED => {
                self.follow(step, by);
            }
            state if restoring => self.seen_back(step, state),
            State::Reverted { by, at } => {
                let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
                self.events.push(Event::Reverted { workload: self.name(step), by: by.clone() });
                self.steps[step].ours = Ours::No;
                let cause = format!("reverted by {by}{at}");
                self.steps[step].over(Outcome::new(Verdict::Failed, cause));
                self.fail(step);
            }
            State::Superseded { by, at, .. } => self.superseded(step, by, *at),
            State::Deleted => {
                (self.steps[step].ours, self.steps[step].gone) = (Ours::No, true);
                self.failed(step, "deleted while it was rolled back");
            }
            State::Done { note } => self.done(step, note.as_deref(), now),
            State::Stalled { cause, blocked } => self.stalled(step, cause, *blocked),
            // A container that never ran has no log.
            State::Failed { cause, pod: Some(pod), container: Some(container) } => {
                self.steps[step].phase = Phase::Telling { cause: cause.clone(), pod: pod.clone() };
                let (pod, container) = (pod.clone(), container.clone());
                self.commands.push(Command::Log { step, pod, container });
            }
            State::Failed { cause, .. } => self.failed(step, cause),
            State::Moving => {}
        }
    }

    /// Somebody wrote a template of their own: it is reported, and never undone.
    pub(super) fn superseded(&mut self, step: usize, by: &str, at: Option<Timestamp>) {
        let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
        self.events.push(Event::Superseded { workload: self.name(step), by: by.to_owned() });
        self.steps[step].ours = Ours::No;
        let (status, far) = (self.steps[step].status(), self.steps[step].how_far());
        let cause = format!("{by} wrote another template{at}{far}, which is not overwritten: {status}");
        self.steps[step].over(Outcome::new(Verdict::Superseded, cause));
    }

    /// Somebody's `kubectl rollout restart`: its pods are waited for, and it is never undone.
    fn follow(&mut self, step: usize, by: &str) {
        let workload = self.name(step);
        let this = &mut self.steps[step];
        this.followed += 1;
        if this.ours != Ours::No {
            this.ours = Ours::Restarted;
        }
        let says = format!("restarted by {by}; waiting for its new pods");
        self.events.push(Event::Note { workload, says });
        self.commands.push(Command::Follow(step));
    }

    /// What stands in the way would stand in the way of another template, too: then nothing is put back for it.
    fn stalled(&mut self, step: usize, cause: &str, blocked: bool) {
        let cause = self.steps[step].cause(cause);
        self.events.push(Event::Stalled { workload: self.name(step), cause: cause.clone() });
        let pods = self.steps[step].pods.clone();
        self.steps[step].over(Outcome { pods, ..Outcome::new(Verdict::Stalled, cause) });
        if !blocked {
            self.fail(step);
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
            Phase::Watching => format!("{says}; the rollout continues unobserved: {status}"),
            Phase::RestoreWatching => {
                format!("restored, but {says}; the rollout continues unobserved: {status}")
            }
            Phase::Settled { .. } => {
                self.steps[step].until_now();
                return;
            }
            _ => return,
        };
        let (workload, cause) = (self.name(step), self.steps[step].cause(&cause));
        self.events.push(Event::Failed { workload, cause: cause.clone(), log: Vec::new() });
        self.steps[step].over(Outcome::new(Verdict::Failed, cause));
        if self.steps[step].already.is_none() {
            self.halt(step);
        }
    }

    /// It could not be read afresh: nothing is claimed, and nothing is done.
    pub fn unverified(&mut self, step: usize, says: &str) {
        if !std::mem::take(&mut self.steps[step].verifying) {
            return;
        }
        self.steps[step].stale = false;
        if self.steps[step].phase == Phase::Over && self.steps[step].failing {
            (self.steps[step].spent, self.steps[step].failing) = (true, false);
            if let Some(outcome) = &mut self.steps[step].outcome {
                let before = outcome.cause.take().unwrap_or_default();
                outcome.cause = Some(format!("{before}; not restored: {says}"));
            }
            return;
        }
        self.unwatchable(step, says);
    }

    pub(super) fn tell_changes(&mut self, step: usize, progress: &Progress) {
        let workload = self.name(step);
        let this = &mut self.steps[step];
        let (done, total) = (progress.done, progress.total);
        if this.moved != (done, total) {
            this.moved = (done, total);
            self.events.push(Event::Moved { workload: workload.clone(), done, total });
        }
        for (pod, cause) in this.new_pod_issues(&progress.pods) {
            self.events.push(Event::PodIssue { workload: workload.clone(), pod, cause });
        }
        this.pods.clone_from(&progress.pods);
        this.ready = Some((progress.done, progress.desired));
    }

    pub(super) fn done(&mut self, step: usize, note: Option<&str>, now: Timestamp) {
        let this = &self.steps[step];
        let result = match note {
            Some(_) => Verdict::Partial,
            None if this.ours == Ours::No && !this.unstuck => Verdict::Unchanged,
            None => Verdict::Done,
        };
        let already = this.already.clone().filter(|_| !this.unstuck);
        let none = (note.is_none() && this.ready.is_some_and(|(_, desired)| desired == 0))
            .then(|| no_pods(this.id.kind).to_owned());
        let cause: Vec<String> = already.into_iter().chain(note.map(str::to_owned)).chain(none).collect();
        let cause = (!cause.is_empty()).then(|| cause.join("; "));
        // Of what was there already the end says it: it was not rolled back.
        if this.already.is_none() || this.unstuck {
            self.events.push(Event::Done { workload: self.name(step), note: note.map(str::to_owned) });
        }
        let outcome = Outcome { cause, ..Outcome::of(result) };
        self.settled(step, outcome, now);
    }
}

/// Done, and no evidence of anything.
fn no_pods(kind: Kind) -> &'static str {
    if kind.rules().is_per_node() {
        "no node matches, so there are no pods to show whether it works"
    } else {
        "0 replicas, so there are no pods to show whether it works"
    }
}
