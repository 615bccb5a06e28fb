//! One step: what the engine is told about it at the start, and what is known besides.

use cluster_model::rollout::Rollout;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::choose::Target;
use crate::execute::Execution;
use crate::execute::engine::model::{Part, Start, UNSEEN};
use crate::execute::progress::Tracker;
use crate::execute::progress::model::Progress;
use crate::execute::requests::{self, Closing};
use crate::execute::workload_cache::WorkloadCache;
use crate::execute::write::annotations;
use crate::outcome::Outcome;
use crate::outcome::Verdict;
use crate::plan::{Action, Step};
use crate::snapshot::Reverts;

/// What is known of one step, besides what the engine decides about it.
pub(super) struct Stage<'a> {
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
    /// There is news.
    pub changed: bool,
    /// By our clock.
    pub wake_at: Option<Timestamp>,
    /// Until then it has to be listed for the first time; a deadline ends that, where there is one.
    pub unseen_until: Option<Timestamp>,
    /// As it was read last.
    pub fresh: Option<Value>,
}

impl Stage<'_> {
    /// What is there if a write whose answer was lost was applied.
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

pub(super) fn stage<'a>(execution: &Execution<'a>, step: &'a Step) -> Stage<'a> {
    let rollout = &execution.snapshot.rollouts[step.rollout];
    let target = step.target.as_ref();
    Stage {
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
    }
}

pub(super) fn part(execution: &Execution<'_>, step: &Step) -> Part {
    let rollout = &execution.snapshot.rollouts[step.rollout];
    let options = execution.options;
    let already = || {
        let number = step.target.as_ref().and_then(|target| rollout.revisions.get(target.revision?));
        let there = number.map_or("an earlier template".to_owned(), |r| format!("revision {}", r.number));
        format!("the live template already is {there}")
    };
    let unchanged = |cause: &str| Start::Over(Outcome::new(Verdict::Unchanged, cause));
    let start = match step.action {
        Action::RollBack if step.target.is_some() => Start::Write,
        // Others, or an earlier run, wrote it: that it is there says nothing about its pods.
        Action::Nothing if options.wait => Start::Watch(already()),
        Action::RollBack => Start::Over(Outcome::new(Verdict::Refused, "there is no target for it")),
        Action::Nothing => unchanged(&format!("{}; {UNSEEN}", already())),
        Action::NotYetBorn => unchanged("did not exist then; unchanged"),
    };
    let owners = execution.snapshot.owners.get(&rollout.id.uid);
    let takes_back = |reverts: &Reverts| matches!(reverts, Reverts::Certainly(_) | Reverts::Perhaps(_));
    let copied = rollout.id.kind.rules().copies_change_cause();
    let explained = options.reason.is_some() && options.wait && !copied;
    // The controller numbers the revision it goes back to anew: behind the highest (pkg/controller/statefulset, nextRevision).
    let highest = rollout.revisions.last().map_or(0, |revision| revision.number);
    let number = if matches!(start, Start::Write) { highest + 1 } else { highest };
    Part {
        id: rollout.id.clone(),
        start,
        contested: owners.is_some_and(|owners| owners.iter().any(|owner| takes_back(&owner.reverts))),
        finish: options.keep_ownership || explained,
        again: format!("kubectl rollback-to {} --to-revision {number} --unstick", rollout.id.typed()),
    }
}
