//! One workload of the run.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::rollout::Id;
use k8s_openapi::jiff::Timestamp;

use super::model::{Start, StepInput};
use crate::outcome::cause::{Author, Cause, PodCause};
use crate::outcome::reason::{Already, End, EndedAt, NotRestored, Reason};
use crate::outcome::{Outcome, PodProgress, PodState, RolloutResult};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its turn has not come.
    Waiting,
    Writing,
    Watching,
    /// It failed; the log that shows why is being fetched.
    FetchingLog {
        cause: Cause,
        pod: String,
    },
    /// It is done, unless somebody reverts it.
    Settled {
        finishing: bool,
        until: Option<Timestamp>,
    },
    ToRestore,
    Restoring,
    RestoreWatching,
    Over,
}

/// Is the live template the one that this run wrote?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnTemplate {
    No,
    Perhaps,
    Yes,
    /// Yes, with somebody's `kubectl rollout restart`, which is not undone.
    Restarted,
}

/// The user's consent to delete a pod that blocks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    Asking,
    Yes,
    No,
}

pub struct Step {
    pub id: Id,
    pub phase: Phase,
    pub own_template: OwnTemplate,
    /// Was the template written? Also if that is not known.
    pub written: bool,
    pub outcome: Option<Outcome>,
    /// The template was there, so that nothing was written.
    pub already: Option<Already>,
    /// As last seen.
    pub pods: Vec<PodProgress>,
    /// As in `Outcome`.
    pub failed_pods: Vec<PodProgress>,
    pub moved: (i64, i64),
    /// Pods available on the expected template, of all that are wanted; as last seen.
    pub ready: Option<(i64, i64)>,
    /// The workload was deleted.
    pub gone: bool,
    /// It was restored, or cannot be: that is not tried again.
    pub restore_attempted: bool,
    /// (pod, cause) that were reported already.
    pod_issues: BTreeSet<(String, PodCause)>,
    pub has_reconciling_owner: bool,
    pub finish: bool,
    pub revision: i64,
    /// By the UID of the pod: what was agreed to with the plan, or asked about since.
    pub consents: BTreeMap<String, Consent>,
    /// It is being read.
    pub verifying: bool,
    /// The read that is under way began before the consent.
    pub stale: bool,
    pub disagreements: usize,
    /// Restarts by others, and by whom the last one.
    pub followed: usize,
    pub restarted_by: Option<Author>,
    /// It failed, and has not recovered.
    pub failing: bool,
    /// The deadline passed before it was done.
    pub late: bool,
    /// UIDs of pods whose deletion was requested: what is seen of them may be old.
    pub deleting: BTreeSet<String>,
    /// Requests for that which are not answered yet.
    pub deletions_under_way: usize,
    pub deletions: usize,
    /// A pod was deleted.
    pub unstuck: bool,
}

fn verdict(end: &End) -> RolloutResult {
    match end {
        End::Timeout => RolloutResult::Timeout,
        End::Interrupted => RolloutResult::Interrupted,
        End::Silent { .. } => RolloutResult::Stalled,
    }
}

impl Step {
    pub fn new(input: StepInput) -> Self {
        let (phase, outcome, already) = match input.start {
            Start::Write => (Phase::Waiting, None, None),
            Start::Watch(already) => (Phase::Watching, None, Some(already)),
            Start::Over(outcome) => (Phase::Over, Some(outcome), None),
        };
        Step {
            id: input.id,
            phase,
            own_template: OwnTemplate::No,
            written: false,
            outcome,
            already,
            pods: Vec::new(),
            failed_pods: Vec::new(),
            moved: (0, 0),
            ready: None,
            gone: false,
            restore_attempted: false,
            pod_issues: BTreeSet::new(),
            has_reconciling_owner: input.has_reconciling_owner,
            finish: input.finish,
            revision: input.revision,
            consents: input.agreed.into_iter().map(|uid| (uid, Consent::Yes)).collect(),
            verifying: false,
            stale: false,
            disagreements: 0,
            followed: 0,
            restarted_by: None,
            failing: false,
            late: false,
            deleting: BTreeSet::new(),
            deletions_under_way: 0,
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

    /// Waits only for what is under way.
    pub fn until_now(&mut self) {
        if let Phase::Settled { finishing, .. } = self.phase {
            self.phase = if finishing { Phase::Settled { finishing, until: None } } else { Phase::Over };
        }
    }

    /// Its template is not the one rolled back to any more: of the pods seen before, those that failed are kept, with their logs.
    pub fn template_replaced(&mut self) {
        self.failed_pods = std::mem::take(&mut self.pods);
        self.failed_pods.retain(|pod| pod.state == PodState::Failing);
        (self.moved, self.ready) = ((0, 0), None);
    }

    /// It failed after somebody restarted it: their template is not overwritten.
    pub fn keep_restarted(&mut self) {
        if !self.failing || self.own_template != OwnTemplate::Restarted || self.restore_attempted {
            return;
        }
        self.restore_attempted = true;
        if let Some(outcome) = &mut self.outcome {
            let by = self.restarted_by.clone();
            outcome.reasons.push(Reason::NotRestored(NotRestored::Restarted(by)));
        }
    }

    /// Can it be restored?
    pub fn is_restorable(&self) -> bool {
        !self.restore_attempted
            && matches!(self.own_template, OwnTemplate::Yes | OwnTemplate::Perhaps)
            && matches!(self.phase, Phase::Watching | Phase::Settled { .. } | Phase::Over)
    }

    pub fn new_pod_issues(&mut self, pods: &[PodProgress]) -> Vec<(String, PodCause)> {
        let failing = pods.iter().filter(|pod| pod.state == PodState::Failing);
        let pod_issues = failing.filter_map(|pod| Some((pod.name.clone(), pod.cause.clone()?)));
        pod_issues.filter(|issue| self.pod_issues.insert(issue.clone())).collect()
    }

    /// Why it is not done; of one that nothing was written to, also that.
    pub fn reasons(&self, reasons: impl Into<Vec<Reason>>) -> Vec<Reason> {
        let pods = Some(self.moved).filter(|(_, total)| *total > 0);
        let already = self.already.clone().map(|already| Reason::AlreadyBut { already, pods });
        already.into_iter().chain(reasons.into()).collect()
    }

    pub fn stop(&mut self, end: &End) {
        let at = match self.phase {
            Phase::Over => return,
            Phase::Settled { .. } => {
                self.phase = Phase::Over;
                return;
            }
            Phase::Waiting => EndedAt::NotStarted,
            Phase::Writing => EndedAt::Writing,
            Phase::ToRestore => EndedAt::ToRestore,
            Phase::Restoring => EndedAt::Restoring,
            Phase::RestoreWatching => EndedAt::RestoreWatching,
            Phase::Watching | Phase::FetchingLog { .. } => EndedAt::Watching { written: self.written },
        };
        if matches!(self.phase, Phase::Writing | Phase::Restoring) {
            self.own_template = OwnTemplate::Perhaps;
            // For the journal, unknown counts as written.
            self.written = true;
        }
        let mut reasons = self.outcome.take().map(|outcome| outcome.reasons).unwrap_or_default();
        if reasons.is_empty() {
            reasons.extend(self.already.clone().map(Reason::Already));
        }
        reasons.push(Reason::Ended { by: end.clone(), at, pods: self.moved });
        self.over(Outcome::new(verdict(end), reasons));
    }

    /// It ended before it was known whether it is restored.
    pub fn stop_undecided(&mut self, end: &End) {
        let mut reasons = self.outcome.take().map(|outcome| outcome.reasons).unwrap_or_default();
        let ended = Reason::Ended { by: end.clone(), at: EndedAt::Undecided, pods: self.moved };
        let at = if matches!(end, End::Silent { .. }) { reasons.len() } else { 0 };
        reasons.insert(at, ended);
        self.over(Outcome::new(verdict(end), reasons));
    }

    pub fn outcome(&self) -> Outcome {
        let not_started = || Outcome::new(RolloutResult::Refused, [Reason::NotStarted(None)]);
        let outcome = self.outcome.clone().unwrap_or_else(not_started);
        Outcome {
            failed_pods: self.failed_pods.clone(),
            pods: self.pods.clone(),
            ready: self.ready,
            left: matches!(self.own_template, OwnTemplate::Yes | OwnTemplate::Restarted),
            gone: self.gone,
            late: self.late,
            ..outcome
        }
    }
}
