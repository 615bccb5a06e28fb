//! The verdict, for people and for machines: docs/drain-report.schema.json describes the JSON.

use cluster_model::Finding;
use cluster_model::feasibility::Verdict;
use k8s_openapi::jiff::Timestamp;
use plugin_client::Exit;
use serde::Serialize;

use crate::execute::End;
use crate::execute::cause::Blocker;
use crate::execute::engine::{Engine, Phase, PodState};
use crate::placement::Place;
use crate::plan::{Action, NodePlan, Step};
use crate::render::cause;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeResult {
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

impl NodeResult {
    /// As requested.
    pub fn is_done(self) -> bool {
        self.exit() == Exit::Done
    }

    pub fn exit(self) -> Exit {
        match self {
            NodeResult::Planned | NodeResult::Drained | NodeResult::Cordoned | NodeResult::Uncordoned => {
                Exit::Done
            }
            NodeResult::Partial | NodeResult::Stalled => Exit::Partial,
            NodeResult::Blocked | NodeResult::Refused => Exit::Refused,
            NodeResult::Failed => Exit::Failed,
            NodeResult::Interrupted => Exit::Interrupted,
            NodeResult::Timeout => Exit::Timeout,
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
    /// Should be evicted and is not.
    Remains,
    /// Its eviction was requested, and the outcome is not known.
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
    /// In a plan: where its replacement can run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<PlaceReport>,
}

#[derive(Clone, Debug, Serialize)]
pub struct PlaceReport {
    verdict: &'static str,
    /// How many nodes take it, at least while the others take no room.
    nodes: usize,
    /// Why the other nodes do not, or what is not known.
    reasons: Vec<String>,
}

impl From<&Place> for PlaceReport {
    fn from(place: &Place) -> Self {
        let (verdict, unknown) = match &place.verdict {
            Verdict::Fits => ("fits", None),
            Verdict::Tight(_) => ("tight", None),
            Verdict::Cannot => ("cannot", None),
            Verdict::Unknown(reasons) => ("unknown", Some(reasons.clone())),
        };
        let reasons = unknown.unwrap_or_else(|| place.reasons());
        PlaceReport { verdict, nodes: place.nodes, reasons }
    }
}

impl PodReport {
    pub fn planned(step: &Step) -> Self {
        PodReport {
            namespace: step.namespace.clone(),
            name: step.name.clone(),
            uid: step.uid.clone(),
            action: step.action,
            result: if step.evicts() { PodResult::Planned } else { PodResult::Kept },
            reason: step.reason.clone(),
            blocked_by: None,
            since: None,
            waited: None,
            placement: step.place.as_ref().map(PlaceReport::from),
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
    pub result: NodeResult,
    /// Why it is not drained, or not cordoned or uncordoned as requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub pods: Vec<PodReport>,
    /// It was deleted, or another node has its name.
    #[serde(skip)]
    pub is_gone: bool,
    /// Somebody else removed this run's cordon; a cordon that the node has now is not by this run.
    #[serde(skip)]
    pub uncordoned_by_others: bool,
    /// It was found drained, and not read again before the run ended early.
    #[serde(skip)]
    pub was_drained: bool,
    /// This run cordoned it.
    #[serde(skip)]
    pub was_touched: bool,
}

impl NodeReport {
    /// Nothing was done to it yet.
    pub fn untouched(name: &str, cordoned: bool, result: NodeResult) -> Self {
        NodeReport {
            name: name.to_owned(),
            cordoned: Some(cordoned),
            cordoned_before: cordoned,
            result,
            reason: None,
            pods: Vec::new(),
            is_gone: false,
            uncordoned_by_others: false,
            was_drained: false,
            was_touched: false,
        }
    }

    pub fn planned(node: &NodePlan, result: NodeResult) -> Self {
        let pods = node.steps.iter().map(PodReport::planned).collect();
        NodeReport { pods, ..NodeReport::untouched(&node.name, node.cordoned_before, result) }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainReport {
    pub kind: &'static str,
    pub result: NodeResult,
    pub nodes: Vec<NodeReport>,
    pub findings: Vec<Finding>,
    /// Why it stopped early, when it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub started_at: String,
    pub finished_at: String,
}

impl DrainReport {
    /// Why it stopped early; also the reason of each node that has none of its own.
    pub fn ended_by(mut self, error: impl Into<String>) -> Self {
        let error = error.into();
        let unexplained = self.nodes.iter_mut().filter(|n| n.reason.is_none() && !n.result.is_done());
        unexplained.for_each(|node| node.reason = Some(error.clone()));
        self.error = Some(error);
        self
    }
}

/// What became of a node's pods, as far as it was seen.
/// `now` is the server's time.
pub fn node(plan: &NodePlan, engine: &Engine, end: &End, now: Timestamp) -> NodeReport {
    let pods: Vec<PodReport> = engine.pods_of(&plan.name).map(|state| pod(state, engine, now)).collect();
    let result = match end {
        _ if engine.is_drained(&plan.name) => NodeResult::Drained,
        End::Finished => NodeResult::Partial,
        End::Interrupted => NodeResult::Interrupted,
        End::Timeout => NodeResult::Timeout,
        End::Stalled(_) => NodeResult::Stalled,
        End::Stopped { .. } | End::Failed(_)
            if pods.iter().any(|p| {
                matches!(p.result, PodResult::Gone | PodResult::Terminating | PodResult::Unknown)
            }) =>
        {
            NodeResult::Partial
        }
        End::Stopped { .. } | End::Failed(_) => NodeResult::Failed,
    };
    let seen = engine.node(&plan.name);
    let reason = (result != NodeResult::Drained).then(|| match (cause::end(end), seen.why) {
        (_, Some(own)) => cause::node(&own),
        (None, None) => "pods remain that should leave".to_owned(),
        (Some(why), None) if seen.was_drained => format!("not read again at the end: {why}"),
        (Some(why), None) if seen.begun => why,
        (Some(why), None) => format!("its drain had not begun: {why}"),
    });
    NodeReport {
        cordoned: seen.cordoned,
        reason,
        pods,
        is_gone: seen.is_gone,
        uncordoned_by_others: seen.was_uncordoned,
        was_drained: seen.was_drained,
        was_touched: !plan.cordoned_before,
        ..NodeReport::untouched(&plan.name, plan.cordoned_before, result)
    }
}

fn pod(state: &PodState, engine: &Engine, now: Timestamp) -> PodReport {
    let blocked_by = || state.blocked_by.as_ref().map(|by| blocker(by, engine));
    let (result, blocked_by) = match state.phase {
        Phase::Gone => (PodResult::Gone, None),
        Phase::Ignored => (PodResult::Kept, None),
        Phase::Remaining => (PodResult::Remains, None),
        Phase::Failed => (PodResult::Failed, None),
        Phase::Terminating { .. } => (
            PodResult::Terminating,
            state.blocked_by.clone().or_else(|| state.blocked_by_finalizers()).map(|by| cause::blocker(&by)),
        ),
        Phase::Evicting | Phase::OutcomeUnknown { .. } if state.eviction_was_requested() => {
            (PodResult::Unknown, Some(cause::OUTCOME_UNKNOWN.into()))
        }
        Phase::Waiting { .. } if state.blocked_by.is_some() => (PodResult::Blocked, blocked_by()),
        Phase::Awaited { .. }
        | Phase::Late { .. }
        | Phase::Waiting { .. }
        | Phase::Evicting
        | Phase::OutcomeUnknown { .. } => (PodResult::Planned, blocked_by()),
    };
    let reason = match (&state.failure, &state.remains) {
        (Some(failure), _) => cause::failure(failure),
        (None, Some(reason)) => cause::remains(reason),
        (None, None) => state.step.reason.clone(),
    };
    let since = matches!(result, PodResult::Terminating | PodResult::Blocked | PodResult::Unknown)
        .then(|| state.stopping_since().unwrap_or(state.since));
    let waited = since.map(|since| now.duration_since(since).as_secs().max(0));
    // Whole seconds, as the server's timestamps.
    let since = since.and_then(|at| Timestamp::from_second(at.as_second()).ok()).map(|at| at.to_string());
    PodReport { result, reason, blocked_by, since, waited, ..PodReport::planned(&state.step) }
}

/// A watched budget with its numbers and its unhealthy pods.
fn blocker(by: &Blocker, engine: &Engine) -> String {
    let status = match by {
        Blocker::Budget(key) => engine.budget_status(key),
        _ => None,
    };
    match status {
        Some((reason, unhealthy)) => {
            format!("{}: {}", cause::blocker(by), cause::budget_status(&reason, unhealthy))
        }
        None => cause::blocker(by),
    }
}

/// One verdict over all nodes: the worst thing that happened.
pub fn overall(nodes: &[NodeReport], end: &End) -> NodeResult {
    if nodes.iter().all(|n| n.result == NodeResult::Drained) {
        return NodeResult::Drained;
    }
    match end {
        End::Interrupted => NodeResult::Interrupted,
        End::Timeout => NodeResult::Timeout,
        End::Stalled(_) => NodeResult::Stalled,
        End::Failed(_) | End::Stopped { .. } if nodes.iter().all(|n| n.result == NodeResult::Failed) => {
            NodeResult::Failed
        }
        _ => NodeResult::Partial,
    }
}

#[cfg(test)]
mod tests;
