//! One step: what the engine gets at the start, and what is known besides.

use cluster_model::rollout::Rollout;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::choose::Target;
use crate::execute::Execution;
use crate::execute::engine::model::{Start, StepInput};
use crate::execute::progress::Tracker;
use crate::execute::progress::model::Progress;
use crate::execute::requests::{self, Closing};
use crate::execute::workload_cache::WorkloadCache;
use crate::execute::write::annotations;
use crate::outcome::reason::{Already, Reason};
use crate::outcome::{Outcome, RolloutResult};
use crate::plan::{Action, Step};
use crate::snapshot::Reverts;

/// What is known of one step, besides what the engine decides about it.
pub(super) struct StepState<'a> {
    pub rollout: &'a Rollout,
    pub target: Option<&'a Target>,
    pub annotations: Vec<(String, Option<String>)>,
    /// The template that was replaced by the last write.
    pub before: Value,
    /// As the server answered the last write.
    pub written: Option<(Value, Timestamp)>,
    pub cache: WorkloadCache,
    pub tracker: Option<Tracker>,
    pub progress: Option<Progress>,
    /// Since the last look.
    pub changed: bool,
    /// When to look again (monotonic).
    pub wake_at: Option<Timestamp>,
    /// By then (monotonic) it has to be listed for the first time; `None` with a deadline.
    pub unseen_until: Option<Timestamp>,
    /// As it was read last.
    pub fresh: Option<Value>,
    /// The number that the revision has which this run wrote, if it still was the live one when it was read last.
    pub revision: Option<i64>,
}

impl StepState<'_> {
    /// As it is if a write whose answer was lost was applied.
    pub fn assumed(&self) -> Value {
        let mut object = self.rollout.object.clone();
        if let Some(target) = self.target {
            object["spec"]["template"] = target.template.clone();
        }
        for (key, value) in &self.annotations {
            object["metadata"]["annotations"][key] = value.as_deref().map_or(Value::Null, Value::from);
        }
        object
    }

    pub fn closing(&self, execution: &Execution<'_>) -> Closing {
        let id = &self.rollout.id;
        let reason = execution.options.reason.clone().filter(|_| !id.kind.rules().copies_change_cause());
        let written = self.written.as_ref().map(|(object, _)| object);
        let cause = reason.zip(written).and_then(|(reason, object)| {
            let template = &object["spec"]["template"];
            Some((requests::revision_in_use(id, object, self.cache.histories(), template)?, reason))
        });
        Closing {
            id: id.clone(),
            manager: execution.options.field_manager.clone(),
            cause,
            keep: execution.options.keep_ownership.then(|| self.rollout.object.clone()),
        }
    }
}

pub(super) fn state<'a>(execution: &Execution<'a>, step: &'a Step) -> StepState<'a> {
    let rollout = &execution.snapshot.rollouts[step.rollout];
    let target = step.target.as_ref();
    StepState {
        rollout,
        target,
        annotations: target.map(|t| annotations(rollout, t, execution.options)).unwrap_or_default(),
        before: Value::Null,
        written: None,
        cache: WorkloadCache::new(&rollout.id, &rollout.object),
        tracker: None,
        progress: None,
        changed: false,
        wake_at: None,
        unseen_until: None,
        fresh: None,
        revision: None,
    }
}

pub(super) fn input(execution: &Execution<'_>, step: &Step) -> StepInput {
    let rollout = &execution.snapshot.rollouts[step.rollout];
    let options = execution.options;
    let already = || {
        let revision = step.target.as_ref().and_then(|target| rollout.revisions.get(target.revision?));
        Already::Live(revision.map(|revision| revision.number))
    };
    let unchanged = |reasons: Vec<Reason>| Start::Over(Outcome::new(RolloutResult::Unchanged, reasons));
    let start = match step.action {
        Action::RollBack if step.target.is_some() => Start::Write,
        // Others, or an earlier run, wrote it: its pods may not run it.
        Action::Nothing if options.wait => Start::Watch(already()),
        Action::RollBack => Start::Over(Outcome::new(RolloutResult::Refused, [Reason::NoTarget])),
        Action::Nothing => unchanged(vec![Reason::Already(already()), Reason::PodsNotChecked]),
        Action::NotYetCreated => unchanged(vec![Reason::DidNotExist]),
    };
    let owners = execution.snapshot.owners.get(&rollout.id.uid);
    let may_revert = |reverts: &Reverts| matches!(reverts, Reverts::Certainly(_) | Reverts::Perhaps(_));
    let copied = rollout.id.kind.rules().copies_change_cause();
    let explained = options.reason.is_some() && options.wait && !copied;
    // The revision that is rolled back to gets a new number: the highest plus one (pkg/controller/statefulset, nextRevision).
    let highest = rollout.revisions.last().map_or(0, |revision| revision.number);
    let revision = if matches!(start, Start::Write) { highest + 1 } else { highest };
    StepInput {
        id: rollout.id.clone(),
        start,
        has_reconciling_owner: owners
            .is_some_and(|owners| owners.iter().any(|owner| may_revert(&owner.reverts))),
        finish: options.keep_ownership || explained,
        revision,
        agreed: step.deletes.as_ref().map(|pod| pod.uid.clone()),
    }
}
