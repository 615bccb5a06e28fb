//! The verdict, for people and for machines: docs/drain-report.schema.json describes the JSON.

use cluster_model::Finding;
use k8s_openapi::jiff::Timestamp;
use plugin_client::Exit;
use serde::Serialize;

use crate::execute::End;
use crate::execute::engine::{Engine, Phase, PodState};
use crate::plan::{Action, NodePlan, Step};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Planned,
    Drained,
    Cordoned,
    Uncordoned,
    Partial,
    Blocked,
    Refused,
    Failed,
    Interrupted,
    Stalled,
    Timeout,
}

impl Verdict {
    pub fn exit(self) -> Exit {
        match self {
            Verdict::Planned | Verdict::Drained | Verdict::Cordoned | Verdict::Uncordoned => Exit::Done,
            Verdict::Partial | Verdict::Stalled => Exit::Partial,
            Verdict::Blocked | Verdict::Refused => Exit::Refused,
            Verdict::Failed => Exit::Failed,
            Verdict::Interrupted => Exit::Interrupted,
            Verdict::Timeout => Exit::Timeout,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PodResult {
    Planned,
    Gone,
    Terminating,
    Blocked,
    Failed,
    Kept,
    /// Should leave and stays.
    Remains,
    /// Asked for, and what became of it was not seen.
    Unknown,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodReport {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub action: Action,
    pub result: PodResult,
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
    /// Since when it waits for the same thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The same in seconds until the report, for people.
    #[serde(skip)]
    pub waited: Option<i64>,
}

impl PodReport {
    pub fn planned(step: &Step) -> Self {
        PodReport {
            namespace: step.namespace.clone(),
            name: step.name.clone(),
            uid: step.uid.clone(),
            action: step.action,
            result: if step.leaves() { PodResult::Planned } else { PodResult::Kept },
            reason: step.reason.clone(),
            blocked_by: None,
            since: None,
            waited: None,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    pub name: String,
    /// As last seen; `null` when it could not be read.
    pub cordoned: Option<bool>,
    pub cordoned_before: bool,
    pub result: Verdict,
    pub pods: Vec<PodReport>,
    /// It was found drained, and not read again before the run ended early.
    #[serde(skip)]
    pub was_drained: bool,
    /// This run cordoned it.
    #[serde(skip)]
    pub was_touched: bool,
}

impl NodeReport {
    pub fn planned(node: &NodePlan, result: Verdict) -> Self {
        NodeReport {
            name: node.name.clone(),
            cordoned: Some(node.cordoned_before),
            cordoned_before: node.cordoned_before,
            result,
            pods: node.steps.iter().map(PodReport::planned).collect(),
            was_drained: false,
            was_touched: false,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainReport {
    pub kind: &'static str,
    pub result: Verdict,
    pub nodes: Vec<NodeReport>,
    pub findings: Vec<Finding>,
    /// Why it stopped early, when it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub started_at: String,
    pub finished_at: String,
}

/// What became of a node's pods, as far as it was seen.
/// `now` is the server's time.
pub fn node(plan: &NodePlan, engine: &Engine, end: &End, now: Timestamp) -> NodeReport {
    let pods: Vec<PodReport> = engine.pods_of(&plan.name).map(|state| pod(state, now)).collect();
    let result = match end {
        _ if engine.is_drained(&plan.name) => Verdict::Drained,
        End::Finished => Verdict::Partial,
        End::Interrupted => Verdict::Interrupted,
        End::Timeout => Verdict::Timeout,
        End::Stalled(_) => Verdict::Stalled,
        End::Stopped(_) | End::Failed(_)
            if pods.iter().any(|p| {
                matches!(p.result, PodResult::Gone | PodResult::Terminating | PodResult::Unknown)
            }) =>
        {
            Verdict::Partial
        }
        End::Stopped(_) | End::Failed(_) => Verdict::Failed,
    };
    NodeReport {
        name: plan.name.clone(),
        cordoned: engine.is_cordoned(&plan.name),
        cordoned_before: plan.cordoned_before,
        result,
        pods,
        was_drained: engine.was_drained(&plan.name),
        was_touched: !plan.cordoned_before,
    }
}

fn pod(state: &PodState, now: Timestamp) -> PodReport {
    let (result, blocked_by) = match state.phase {
        Phase::Gone => (PodResult::Gone, None),
        Phase::Kept => (PodResult::Kept, None),
        Phase::Remains => (PodResult::Remains, None),
        Phase::Failed => (PodResult::Failed, None),
        Phase::Leaving { .. } => (PodResult::Terminating, state.blocked_by.clone().or_else(|| state.held())),
        Phase::Asking | Phase::Doubtful { .. } if state.was_asked_for() => {
            (PodResult::Unknown, Some("whether the server accepted its eviction is not known".into()))
        }
        Phase::Waiting { .. } if state.blocked_by.is_some() => (PodResult::Blocked, state.blocked_by.clone()),
        Phase::Awaited { .. }
        | Phase::Late { .. }
        | Phase::Waiting { .. }
        | Phase::Asking
        | Phase::Doubtful { .. } => (PodResult::Planned, state.blocked_by.clone()),
    };
    let reason = state.failure.clone().unwrap_or_else(|| state.step.reason.clone());
    let since = matches!(result, PodResult::Terminating | PodResult::Blocked | PodResult::Unknown)
        .then(|| state.stopping_since().unwrap_or(state.since));
    let waited = since.map(|since| now.duration_since(since).as_secs().max(0));
    // Whole seconds: the server's clock tells no more.
    let since = since.and_then(|at| Timestamp::from_second(at.as_second()).ok()).map(|at| at.to_string());
    PodReport { result, reason, blocked_by, since, waited, ..PodReport::planned(&state.step) }
}

/// One verdict over all nodes: the worst thing that happened.
pub fn overall(nodes: &[NodeReport], end: &End) -> Verdict {
    if nodes.iter().all(|n| n.result == Verdict::Drained) {
        return Verdict::Drained;
    }
    match end {
        End::Interrupted => Verdict::Interrupted,
        End::Timeout => Verdict::Timeout,
        End::Stalled(_) => Verdict::Stalled,
        End::Failed(_) | End::Stopped(_) if nodes.iter().all(|n| n.result == Verdict::Failed) => {
            Verdict::Failed
        }
        _ => Verdict::Partial,
    }
}
