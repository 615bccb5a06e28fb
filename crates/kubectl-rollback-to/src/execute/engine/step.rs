//! One workload's part of the run.

use std::collections::BTreeSet;

use cluster_model::rollout::Id;
use k8s_openapi::jiff::Timestamp;

use super::model::{End, Part, Start};
use crate::outcome::Outcome;
use crate::outcome::{PodReport, PodState, Verdict};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its turn has not come.
    Waiting,
    Writing,
    Watching,
    /// It failed; the log that shows why is being fetched.
    Telling {
        cause: String,
        pod: String,
    },
    /// Its outcome stands, unless somebody takes it back.
    Settled {
        finishing: bool,
        until: Option<Timestamp>,
    },
    ToRestore,
    Restoring,
    RestoreWatching,
    Over,
}

/// Is the template there the one this run wrote?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours {
    No,
    Perhaps,
    Yes,
    /// But for somebody's `kubectl rollout restart`, which is not undone.
    Restarted,
}

/// To deleting the pods that hold it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    Unasked,
    Asking,
    Yes,
    No,
}

pub struct Step {
    pub id: Id,
    pub phase: Phase,
    pub ours: Ours,
    /// Was our template written, ever? Also if that is not known.
    pub written: bool,
    pub outcome: Option<Outcome>,
    /// The template was there, so that nothing was written: in words.
    pub already: Option<String>,
    /// As last seen.
    pub pods: Vec<PodReport>,
    /// As in `Outcome`.
    pub failed_pods: Vec<PodReport>,
    pub moved: (i64, i64),
    /// Pods available on the expected template, of all that are wanted; as last seen.
    pub ready: Option<(i64, i64)>,
    /// The workload was deleted.
    pub gone: bool,
    /// It was put back, or cannot be: that is not tried again.
    pub spent: bool,
    /// (pod, cause) that were told already.
    pod_issues: BTreeSet<(String, String)>,
    pub contested: bool,
    pub finish: bool,
    pub again: String,
    pub consent: Consent,
    /// It is being read afresh.
    pub verifying: bool,
    /// What is being read was asked for before somebody agreed to something.
    pub stale: bool,
    pub disagreements: usize,
    /// Restarts by others.
    pub followed: usize,
    /// It failed, and has not recovered.
    pub failing: bool,
    /// The deadline passed before it was done.
    pub late: bool,
    /// UIDs of pods that were asked to go: what is seen of them may be old.
    pub deleting: BTreeSet<String>,
    /// Answers to that which are still to come.
    pub asked: usize,
    pub deletions: usize,
    /// A pod was deleted.
    pub unstuck: bool,
}

impl End {
    pub fn words(&self) -> (Verdict, &str) {
        match self {
            End::Timeout => (Verdict::Timeout, "--timeout passed"),
            End::Interrupted => (Verdict::Interrupted, "interrupted"),
            End::Silent(says) => (Verdict::Stalled, says),
        }
    }
}

impl Step {
    pub fn new(part: Part) -> Self {
        let (phase, outcome, already) = match part.start {
            Start::Write => (Phase::Waiting, None, None),
            Start::Watch(already) => (Phase::Watching, None, Some(already)),
            Start::Over(outcome) => (Phase::Over, Some(outcome), None),
        };
        Step {
            id: part.id,
            phase,
            ours: Ours::No,
            written: false,
            outcome,
            already,
            pods: Vec::new(),
            failed_pods: Vec::new(),
            moved: (0, 0),
            ready: None,
            gone: false,
            spent: false,
            pod_issues: BTreeSet::new(),
            contested: part.contested,
            finish: part.finish,
            again: part.again,
            consent: Consent::Unasked,
            verifying: false,
            stale: false,
            disagreements: 0,
            followed: 0,
            failing: false,
            late: false,
            deleting: BTreeSet::new(),
            asked: 0,
            deletions: 0,
            unstuck: false,
        }
    }

    pub fn over(&mut self, outcome: Outcome) {
        self.phase = Phase::Over;
        self.outcome = Some(outcome);
    }

    /// Its outcome is final once nothing is left to do or to wait for.
    pub fn settle(&mut self, now: Timestamp) {
        if let Phase::Settled { finishing: false, until } = self.phase
            && until.is_none_or(|until| until <= now)
        {
            self.phase = Phase::Over;
        }
    }

    /// Nothing more is waited for but what is being done.
    pub fn until_now(&mut self) {
        if let Phase::Settled { finishing, .. } = self.phase {
            self.phase = if finishing { Phase::Settled { finishing, until: None } } else { Phase::Over };
        }
    }

    /// Its template is back where it was. What was seen of its pods is past: it is kept of those that failed, with their logs.
    pub fn went_back(&mut self) {
        let told = self.outcome.as_mut().map(|outcome| std::mem::take(&mut outcome.pods));
        let watched = std::mem::take(&mut self.pods);
        let pods = told.filter(|pods| !pods.is_empty()).unwrap_or(watched);
        self.failed_pods = pods.into_iter().filter(|pod| pod.state == PodState::Failing).collect();
        (self.moved, self.ready) = ((0, 0), None);
    }

    /// Can it be put back?
    pub fn is_restorable(&self) -> bool {
        !self.spent
            && matches!(self.ours, Ours::Yes | Ours::Perhaps)
            && matches!(self.phase, Phase::Watching | Phase::Settled { .. } | Phase::Over)
    }

    pub fn new_pod_issues(&mut self, pods: &[PodReport]) -> Vec<(String, String)> {
        let failing = pods.iter().filter(|pod| pod.state == PodState::Failing);
        let pod_issues = failing.filter_map(|pod| Some((pod.name.clone(), pod.cause.clone()?)));
        pod_issues.filter(|issue| self.pod_issues.insert(issue.clone())).collect()
    }

    /// What to type to see how it goes on.
    pub fn status(&self) -> String {
        format!("kubectl rollback-to {} --status", self.id.typed())
    }

    /// Why it is not done; of one that nothing was written to, also that.
    pub fn cause(&self, cause: &str) -> String {
        match (&self.already, self.moved) {
            (None, _) => cause.to_owned(),
            (Some(already), (_, 0)) => format!("{already}, but {cause}"),
            (Some(already), (done, total)) => {
                format!("{already}, but {done} of {total} pods run it: {cause}")
            }
        }
    }

    /// ` at 1 of 3 pods`
    pub fn how_far(&self) -> String {
        match self.moved {
            (_, 0) => String::new(),
            (done, total) => format!(" at {done} of {total} pods"),
        }
    }

    /// What to type to put it back.
    pub fn not_put_back(&self) -> String {
        format!("not restored: kubectl rollback-to {} --last", self.id.typed())
    }

    pub fn stop(&mut self, end: &End) {
        let (result, what) = end.words();
        let cause = match (&self.phase, end) {
            (Phase::Over, _) => return,
            (Phase::Settled { .. }, _) => {
                self.phase = Phase::Over;
                return;
            }
            (_, End::Silent(_)) => format!("{what}; {}", self.left_unseen()),
            (_, End::Timeout | End::Interrupted) => self.left_at(what),
        };
        if matches!(self.phase, Phase::Writing | Phase::Restoring) {
            self.ours = Ours::Perhaps;
            // The journal must not say that it was not.
            self.written = true;
        }
        let before = self.outcome.take().and_then(|outcome| outcome.cause);
        let cause = match before.or_else(|| self.already.clone()) {
            Some(before) => format!("{before}; {cause}"),
            None => cause,
        };
        self.over(Outcome::new(result, cause));
    }

    /// The state that it is left in, by somebody who ends the run.
    fn left_at(&self, what: &str) -> String {
        let (at, status) = (self.how_far(), self.status());
        match self.phase {
            Phase::Waiting => format!("{what} before it was started; nothing was written"),
            Phase::Writing => {
                format!("{what} during the write; unknown whether it was updated: {status}")
            }
            Phase::ToRestore => {
                format!("{what} before it was restored: kubectl rollback-to {} --last", self.id.typed())
            }
            Phase::Restoring => {
                format!("{what} while it was restored; unknown whether it was: {status}")
            }
            Phase::RestoreWatching => {
                format!("restored; {what}{at}, the rollout continues: {status}")
            }
            Phase::Watching | Phase::Telling { .. } | Phase::Settled { .. } | Phase::Over => {
                format!("{what}{at}; the rollout continues: {status}")
            }
        }
    }

    /// The state that it is left in, as far as is known of a server that is silent: whether its rollout goes on is not.
    fn left_unseen(&self) -> String {
        let status = self.status();
        let seen = match self.moved {
            (_, 0) => String::new(),
            (done, total) => format!("{done} of {total} pods when last seen, "),
        };
        match self.phase {
            Phase::Waiting => "nothing was written".to_owned(),
            Phase::Writing => format!("unknown whether it was updated: {status}"),
            Phase::ToRestore => self.not_put_back(),
            Phase::Restoring => format!("unknown whether it was restored: {status}"),
            Phase::RestoreWatching => {
                format!("it was restored, {seen}its current state is unknown: {status}")
            }
            Phase::Watching | Phase::Telling { .. } | Phase::Settled { .. } | Phase::Over => {
                let written = if self.written { "it was updated, " } else { "" };
                format!("{written}{seen}its current state is unknown: {status}")
            }
        }
    }

    pub fn outcome(&self) -> Outcome {
        let outcome = self.outcome.clone().unwrap_or_else(|| Outcome::new(Verdict::Refused, "not started"));
        Outcome {
            failed_pods: self.failed_pods.clone(),
            pods: if outcome.pods.is_empty() { self.pods.clone() } else { outcome.pods },
            ready: self.ready,
            left: matches!(self.ours, Ours::Yes | Ours::Restarted),
            gone: self.gone,
            late: self.late,
            ..outcome
        }
    }
}
