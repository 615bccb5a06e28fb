//! What is seen of a rollout, and what that means for its step. What is watched only decides when to read: whatever is claimed or done
//! follows from a fresh read.

use super::model::Command;
use super::stuck::Blocker;
use super::{Consent, DISAGREEMENTS, Engine, FOLLOWED, OwnTemplate, Phase};
use crate::execute::event::{Event, Note};
use crate::execute::progress::model::{Progress, State};
use crate::outcome::cause::{Author, Cause, KeptPods};
use crate::outcome::reason::{NotRestored, Reason, Unobserved};
use crate::outcome::{Outcome, RolloutResult};
use k8s_openapi::jiff::Timestamp;

impl Engine {
    /// How far it is, by what was watched.
    pub fn seen(&mut self, step: usize, progress: &Progress) {
        if !self.is_watching(step) || matches!(self.steps[step].phase, Phase::FetchingLog { .. }) {
            return;
        }
        self.report_changes(step, progress);
        if self.is_decisive(step, &progress.state) {
            self.verify(step);
        }
    }

    /// Does it need a fresh read?
    fn is_decisive(&self, step: usize, state: &State) -> bool {
        let this = &self.steps[step];
        let settled = matches!(this.phase, Phase::Settled { .. });
        match state {
            State::Moving => false,
            State::Reverted { .. } | State::BeingDeleted(_) | State::Deleted => true,
            _ if settled => false,
            // Done because a pod was deleted: that is reported first.
            State::Done { .. } => this.deletions_under_way == 0,
            State::Stuck { pod_uid, .. } => {
                this.consents.get(pod_uid) != Some(&Consent::Asking) && !this.deleting.contains(pod_uid)
            }
            State::Failed { .. } | State::Stalled { .. } | State::Superseded { .. } => true,
        }
    }

    pub(super) fn verify(&mut self, step: usize) {
        if !std::mem::replace(&mut self.steps[step].verifying, true) {
            self.commands.push(Command::Verify(step));
        }
    }

    /// By a read that begins now: a read that is under way began before the consent.
    pub(super) fn verify_anew(&mut self, step: usize) {
        self.steps[step].stale = self.steps[step].verifying;
        self.verify(step);
    }

    /// The result of `Command::Verify`.
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
        if !self.is_watching(step) || matches!(self.steps[step].phase, Phase::FetchingLog { .. }) {
            return;
        }
        self.report_changes(step, progress);
        if progress.state == State::Moving {
            let this = &mut self.steps[step];
            this.disagreements += 1;
            if this.disagreements > DISAGREEMENTS {
                self.unwatchable(step, Unobserved::WatchesDiffer);
            }
        }
        if self.is_decisive(step, &progress.state) {
            self.act_on(step, &progress.state, now);
        }
    }

    fn act_on(&mut self, step: usize, state: &State, now: Timestamp) {
        let restoring = self.steps[step].phase == Phase::RestoreWatching;
        match state {
            State::Stuck { pod, pod_uid, pod_version, message } => {
                self.stuck(step, &Blocker { pod, uid: pod_uid, version: pod_version, message });
            }
            State::Superseded { by, restart: true, .. } if self.steps[step].followed < FOLLOWED => {
                self.follow(step, by.clone());
            }
            state if restoring => self.restored_is_seen(step, state),
            State::Reverted { by } => {
                self.report(step, Event::Reverted(by.clone()));
                self.steps[step].own_template = OwnTemplate::No;
                self.steps[step].over(Outcome::new(RolloutResult::Failed, [Reason::Reverted(by.clone())]));
                self.fail(step);
            }
            State::Superseded { by, .. } => self.superseded(step, by.clone()),
            // Restored, its template would not be rolled out either.
            State::BeingDeleted(deletion) => {
                (self.steps[step].own_template, self.steps[step].gone) = (OwnTemplate::No, true);
                self.failed(step, [Reason::BeingDeleted(deletion.clone())]);
            }
            State::Deleted => {
                (self.steps[step].own_template, self.steps[step].gone) = (OwnTemplate::No, true);
                self.failed(step, [Reason::Deleted]);
            }
            State::Done { kept } => self.done(step, kept.as_ref(), now),
            State::Stalled { cause, blocked } => self.stalled(step, cause.clone(), *blocked),
            // A container that never ran has no log.
            State::Failed { cause, pod: Some(pod), container: Some(container) } => {
                self.steps[step].phase = Phase::FetchingLog { cause: cause.clone(), pod: pod.clone() };
                let (pod, container) = (pod.clone(), container.clone());
                self.commands.push(Command::Log { step, pod, container });
            }
            State::Failed { cause, .. } => self.failed(step, [Reason::Rollout(cause.clone())]),
            State::Moving => {}
        }
    }

    /// Somebody wrote a template of their own: it is reported, and never undone.
    pub(super) fn superseded(&mut self, step: usize, by: Option<Author>) {
        self.report(step, Event::Superseded(by.clone()));
        let this = &mut self.steps[step];
        this.own_template = OwnTemplate::No;
        let reason = Reason::Superseded { by, pods: this.moved };
        this.over(Outcome::new(RolloutResult::Superseded, [reason]));
    }

    /// Somebody's `kubectl rollout restart`: its pods are waited for, and it is never undone.
    fn follow(&mut self, step: usize, by: Option<Author>) {
        let this = &mut self.steps[step];
        this.followed += 1;
        this.restarted_by.clone_from(&by);
        if this.own_template != OwnTemplate::No {
            this.own_template = OwnTemplate::Restarted;
        }
        self.report(step, Event::Note(Note::Restarted(by)));
        self.commands.push(Command::Follow(step));
    }

    /// `blocked`: by what would block another template, too. Then nothing is restored for it.
    fn stalled(&mut self, step: usize, cause: Cause, blocked: bool) {
        let reasons = self.steps[step].reasons([Reason::Rollout(cause)]);
        self.report(step, Event::Stalled(reasons.clone()));
        self.steps[step].over(Outcome::new(RolloutResult::Stalled, reasons));
        if !blocked {
            self.fail(step);
        }
    }

    /// The result of `Command::Log`.
    pub fn logged(&mut self, step: usize, log: Vec<String>) {
        let Phase::FetchingLog { cause, pod } = self.steps[step].phase.clone() else { return };
        for report in self.steps[step].pods.iter_mut().filter(|report| report.name == pod) {
            report.log.clone_from(&log);
        }
        self.failed_with(step, [Reason::Rollout(cause)], log);
    }

    /// It cannot be read any more. That is no failure of the rollout, and nothing is restored for it.
    pub fn unwatchable(&mut self, step: usize, why: Unobserved) {
        let restored = match self.steps[step].phase {
            Phase::Watching => false,
            Phase::RestoreWatching => true,
            Phase::Settled { .. } => {
                self.steps[step].until_now();
                return;
            }
            _ => return,
        };
        let reasons = self.steps[step].reasons([Reason::Unobserved { why, restored }]);
        self.report(step, Event::Failed { reasons: reasons.clone(), log: Vec::new() });
        self.steps[step].over(Outcome::new(RolloutResult::Failed, reasons));
        if self.steps[step].already.is_none() {
            self.halt(step);
        }
    }

    /// It could not be read: nothing is claimed, and nothing is done.
    pub fn unverified(&mut self, step: usize, why: Unobserved) {
        if !std::mem::take(&mut self.steps[step].verifying) {
            return;
        }
        self.steps[step].stale = false;
        if self.steps[step].phase == Phase::Over && self.steps[step].failing {
            (self.steps[step].restore_attempted, self.steps[step].failing) = (true, false);
            if let Some(outcome) = &mut self.steps[step].outcome {
                outcome.reasons.push(Reason::NotRestored(NotRestored::Unobserved(why)));
            }
            return;
        }
        self.unwatchable(step, why);
    }

    pub(super) fn report_changes(&mut self, step: usize, progress: &Progress) {
        let this = &mut self.steps[step];
        let (done, total) = (progress.done, progress.total);
        if this.moved != (done, total) {
            this.moved = (done, total);
            self.events.push((step, Event::Moved { done, total }));
        }
        for (pod, cause) in this.new_pod_issues(&progress.pods) {
            self.events.push((step, Event::PodIssue { pod, cause }));
        }
        this.pods.clone_from(&progress.pods);
        this.ready = Some((progress.done, progress.desired));
    }

    pub(super) fn done(&mut self, step: usize, kept: Option<&KeptPods>, now: Timestamp) {
        let this = &self.steps[step];
        let result = match kept {
            Some(_) => RolloutResult::Partial,
            None if this.own_template == OwnTemplate::No && !this.unstuck => RolloutResult::Unchanged,
            None => RolloutResult::Done,
        };
        let already = this.already.clone().filter(|_| !this.unstuck);
        let has_no_pods = kept.is_none() && this.ready.is_some_and(|(_, desired)| desired == 0);
        let none = has_no_pods.then(|| Reason::NoPods(this.id.kind));
        let kept = kept.cloned();
        // One that had the template already was not rolled back: that is in its outcome.
        if this.already.is_none() || this.unstuck {
            self.report(step, Event::Done(kept.clone()));
        }
        let reasons = already.map(Reason::Already).into_iter().chain(kept.map(Reason::Kept)).chain(none);
        let outcome = Outcome::new(result, reasons.collect::<Vec<_>>());
        self.settled(step, outcome, now);
    }
}
