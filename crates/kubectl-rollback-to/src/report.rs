//! The verdict for machines: docs/rollback-report.schema.json describes the JSON.

pub mod history;
pub mod status;

use cluster_model::Finding;
use cluster_model::rollout::{Rollout, images};
use serde::Serialize;
use serde_json::Value;

use crate::diff::Difference;
use crate::outcome::reason::{Already, Reason};
use crate::outcome::{Outcome, PodProgress, PodState, RolloutResult};
use crate::plan::{Action, Step};
use crate::render::cause;
use crate::render::reason::{reasons, say_how_far, unstick_command};

/// One end of a rollback.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Side {
    /// `null`: a template that is no revision (yet).
    pub revision: Option<i64>,
    /// `container=image`
    pub images: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetSide {
    #[serde(flatten)]
    pub side: Side,
    pub chosen_by: String,
    pub evidence: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PodReport {
    pub name: String,
    pub state: PodState,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The last lines of the container that crashed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}

impl PodReport {
    fn of(pod: &PodProgress) -> Self {
        PodReport {
            name: pod.name.clone(),
            state: pod.state,
            cause: pod.cause.as_ref().map(cause::pod),
            log: pod.log.clone(),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadReport {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    pub from: Side,
    /// `null` when no target could be chosen.
    pub to: Option<TargetSide>,
    pub result: RolloutResult,
    /// Why it is not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The command that deletes the pod that blocks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unstick_command: Option<String>,
    pub differences: Vec<Difference>,
    /// Pods that block it and that the plan deletes (`--unstick`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deletes: Vec<String>,
    pub pods: Vec<PodReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_pods: Vec<PodReport>,
    /// The number that the revision rolled back to has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_revision: Option<i64>,
    /// As in `Outcome`, for the screen only, unless the cause has it.
    #[serde(skip)]
    pub ready: Option<(i64, i64)>,
    #[serde(skip)]
    pub left: bool,
    #[serde(skip)]
    pub gone: bool,
    #[serde(skip)]
    pub unrecorded: bool,
    /// It was written, and nobody looks whether its pods follow (`--no-wait`).
    #[serde(skip)]
    pub unwatched: bool,
    /// Of one that the plan shows as unchanged, for the screen: the cause without what the plan says.
    #[serde(skip)]
    pub besides_plan: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RollbackReport {
    pub kind: &'static str,
    pub result: RolloutResult,
    pub workloads: Vec<WorkloadReport>,
    pub findings: Vec<Finding>,
    /// Why it stopped early, when it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub started_at: String,
    pub finished_at: String,
}

impl Side {
    fn of(revision: Option<i64>, template: &Value) -> Self {
        let images = images(template).into_iter().map(|(container, image)| format!("{container}={image}"));
        Side { revision, images: images.collect() }
    }

    fn live(rollout: &Rollout) -> Self {
        let number = rollout.current().map(|index| rollout.revisions[index].number);
        Side::of(number, rollout.template())
    }
}

impl WorkloadReport {
    /// As planned, with the verdict on it.
    pub fn planned(rollout: &Rollout, step: &Step, result: RolloutResult) -> Self {
        let to = step.target.as_ref().map(|target| TargetSide {
            side: Side::of(target.revision.map(|index| rollout.revisions[index].number), &target.template),
            chosen_by: target.chosen_by.clone(),
            evidence: target.evidence.clone(),
        });
        WorkloadReport {
            kind: rollout.id.kind.name(),
            namespace: rollout.id.namespace.clone(),
            name: rollout.id.name.clone(),
            from: Side::live(rollout),
            to,
            result: if step.has_work() { result } else { RolloutResult::Unchanged },
            cause: matches!(step.action, Action::NotYetCreated)
                .then(|| "it did not exist at that time".to_owned()),
            differences: step.diff.differences.clone(),
            deletes: step.deletes.iter().map(|pod| pod.name.clone()).collect(),
            unstick_command: None,
            pods: Vec::new(),
            failed_pods: Vec::new(),
            current_revision: None,
            ready: None,
            left: false,
            gone: false,
            unrecorded: false,
            unwatched: false,
            besides_plan: (!step.has_work()).then(String::new),
        }
    }

    pub fn carried_out(rollout: &Rollout, step: &Step, outcome: Outcome) -> Self {
        let planned = WorkloadReport::planned(rollout, step, outcome.result);
        // Also where nothing was to be written: its pods may have been freed, or not have come.
        let result = outcome.result;
        let cause = reasons(&rollout.id, &outcome.reasons);
        let unstick_command = unstick_command(&rollout.id, &outcome.reasons);
        let says_how_far = say_how_far(&outcome.reasons);
        let unwatched = result == RolloutResult::Done && outcome.reasons.contains(&Reason::NotWatched);
        let besides_plan = match outcome.reasons.as_slice() {
            [Reason::Already(Already::Live(_)) | Reason::DidNotExist, rest @ ..] => {
                Some(reasons(&rollout.id, rest))
            }
            _ => None,
        };
        let Outcome { ready, left, gone, unrecorded, revision, pods, failed_pods, .. } = outcome;
        WorkloadReport {
            result,
            cause: Some(cause).filter(|cause| !cause.is_empty()).or(planned.cause),
            unstick_command,
            pods: pods.iter().map(PodReport::of).collect(),
            failed_pods: failed_pods.iter().map(PodReport::of).collect(),
            // Once is enough.
            ready: ready.filter(|_| !says_how_far),
            left,
            gone,
            unrecorded,
            unwatched,
            besides_plan,
            current_revision: revision,
            ..planned
        }
    }
}

/// One verdict over all workloads.
pub fn overall(workloads: &[WorkloadReport]) -> RolloutResult {
    let has = |verdict| workloads.iter().any(|w| w.result == verdict);
    let all = |verdicts: &[RolloutResult]| workloads.iter().all(|w| verdicts.contains(&w.result));
    if all(&[RolloutResult::Unchanged]) {
        return RolloutResult::Unchanged;
    }
    if all(&[RolloutResult::Done, RolloutResult::Unchanged]) {
        return RolloutResult::Done;
    }
    // The reason why the run ended outweighs how far each of them came.
    for verdict in [RolloutResult::Interrupted, RolloutResult::Timeout] {
        if has(verdict) {
            return verdict;
        }
    }
    if has(RolloutResult::Restored)
        && all(&[RolloutResult::Restored, RolloutResult::Unchanged, RolloutResult::Refused])
    {
        return RolloutResult::Restored;
    }
    for verdict in [
        RolloutResult::Refused,
        RolloutResult::Failed,
        RolloutResult::Planned,
        RolloutResult::Stalled,
        RolloutResult::Superseded,
    ] {
        if all(&[verdict, RolloutResult::Unchanged]) {
            return verdict;
        }
    }
    if all(&[RolloutResult::Failed, RolloutResult::Refused, RolloutResult::Unchanged]) {
        return RolloutResult::Failed;
    }
    RolloutResult::Partial
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocking::BlockingPod;
    use crate::diff::Diff;
    use crate::outcome::reason::{End, EndedAt};
    use crate::render::outcome as outcome_lines;
    use cluster_model::rollout::Kind;
    use serde_json::json;

    fn with(result: RolloutResult) -> WorkloadReport {
        WorkloadReport {
            kind: "Deployment",
            namespace: "shop".into(),
            name: "web".into(),
            from: Side::default(),
            to: None,
            result,
            cause: None,
            differences: Vec::new(),
            deletes: Vec::new(),
            unstick_command: None,
            pods: Vec::new(),
            failed_pods: Vec::new(),
            current_revision: None,
            ready: None,
            left: false,
            gone: false,
            unrecorded: false,
            unwatched: false,
            besides_plan: None,
        }
    }

    /// A dry run of it has something to do, although no template is written.
    #[test]
    fn a_pod_that_is_deleted_is_planned_and_named() {
        let object = json!({"metadata": {"namespace": "shop", "name": "db", "uid": "u"}});
        let rollout = Rollout::new(Kind::StatefulSet, object, &[], Vec::new());
        let pod = BlockingPod { name: "db-1".into(), uid: "p".into(), fault: String::new() };
        for (deletes, result, names) in [
            (None, RolloutResult::Unchanged, vec![]),
            (Some(pod), RolloutResult::Planned, vec!["db-1".to_owned()]),
        ] {
            let (action, diff) = (Action::Nothing, Diff::default());
            let step = Step { rollout: 0, action, target: None, dry_run: None, diff, deletes };
            let planned = WorkloadReport::planned(&rollout, &step, RolloutResult::Planned);
            assert_eq!((planned.result, planned.deletes), (result, names));
        }
    }

    /// Pods of the template from before serve meanwhile: nothing may read as if no pod were ready.
    #[test]
    fn how_many_pods_are_updated_is_stated_once_and_as_that() {
        let object = json!({"metadata": {"namespace": "shop", "name": "web", "uid": "u"}});
        let rollout = Rollout::new(Kind::Deployment, object, &[], Vec::new());
        let step = Step {
            rollout: 0,
            action: Action::RollBack,
            target: None,
            dry_run: None,
            diff: Diff::default(),
            deletes: None,
        };
        let line = |result, reasons: Vec<Reason>| {
            let outcome = Outcome { ready: Some((0, 3)), ..Outcome::new(result, reasons) };
            let workload = WorkloadReport::carried_out(&rollout, &step, outcome);
            let report = RollbackReport {
                kind: "RollbackReport",
                result,
                workloads: vec![workload],
                findings: Vec::new(),
                error: None,
                started_at: String::new(),
                finished_at: String::new(),
            };
            outcome_lines(&report, 5.2)[0].text()
        };
        let ended = |by, pods| vec![Reason::Ended { by, at: EndedAt::Watching { written: true }, pods }];
        let gone_on = "with 0 of 3 updated pods available; the rollout continues (5.2s)";
        for (result, reasons, words) in [
            (
                RolloutResult::Timeout,
                ended(End::Timeout, (0, 3)),
                format!("not complete: --timeout passed {gone_on}"),
            ),
            (
                RolloutResult::Interrupted,
                ended(End::Interrupted, (0, 3)),
                format!("not complete: interrupted {gone_on}"),
            ),
            (
                RolloutResult::Failed,
                vec![Reason::Message("web-1: ImagePullBackOff".into())],
                "failed while rolling back to an earlier template: web-1: ImagePullBackOff (0 of 3 pods updated and ready, 5.2s)"
                    .to_owned(),
            ),
            (
                RolloutResult::Done,
                vec![Reason::NotWatched],
                "updated to an earlier template: 0 of 3 pods updated and ready, 5.2s; not watched (--no-wait)"
                    .to_owned(),
            ),
            (
                RolloutResult::Unchanged,
                vec![Reason::Already(Already::Live(Some(5))), Reason::PodsNotChecked],
                "unchanged: its pods were not checked (--no-wait)".to_owned(),
            ),
            (
                RolloutResult::Interrupted,
                ended(End::Interrupted, (0, 0)),
                "not complete: interrupted; the rollout continues (0 of 3 pods updated and ready, 5.2s)"
                    .to_owned(),
            ),
        ] {
            assert_eq!(line(result, reasons), format!("deployment/web {words}"));
        }
    }

    #[test]
    fn one_verdict_over_all() {
        use RolloutResult::*;
        let cases: [(&[RolloutResult], RolloutResult); 15] = [
            (&[Done, Unchanged], Done),
            (&[Unchanged, Unchanged], Unchanged),
            (&[Done, Failed], Partial),
            (&[Failed, Refused], Failed),
            (&[Refused, Unchanged], Refused),
            (&[Restored, Restored, Refused], Restored),
            (&[Restored, Failed], Partial),
            (&[Done, Restored], Partial),
            (&[Done, Timeout], Timeout),
            (&[Interrupted, Timeout, Done], Interrupted),
            (&[Planned, Unchanged], Planned),
            (&[Partial], Partial),
            (&[Stalled, Unchanged], Stalled),
            (&[Superseded], Superseded),
            (&[Stalled, Done], Partial),
        ];
        for (results, verdict) in cases {
            let workloads: Vec<WorkloadReport> = results.iter().copied().map(with).collect();
            assert_eq!(overall(&workloads), verdict, "{results:?}");
        }
    }
}
