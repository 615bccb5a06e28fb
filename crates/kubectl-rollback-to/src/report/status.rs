//! What `--status` reports: docs/rollout-status.schema.json describes the JSON.

use cluster_model::rollout::Rollout;
use serde::Serialize;

use super::PodReport;
use crate::execute::progress::model::Progress;
use crate::outcome::RolloutResult;
use crate::render::cause;

/// Worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusVerdict {
    Complete,
    Progressing,
    Failing,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusOf {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    /// `null` when its controller has not made it yet.
    pub revision: Option<i64>,
    pub result: StatusVerdict,
    /// One line: what is happening, or what blocks it.
    pub summary: String,
    /// Pods available on the live template, of those there will be.
    pub available: i64,
    pub desired: i64,
    pub pods: Vec<PodReport>,
}

#[derive(Clone, Debug, Serialize)]
pub struct RolloutStatus {
    pub kind: &'static str,
    pub result: StatusResult,
    pub workloads: Vec<StatusOf>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
pub enum StatusResult {
    /// The worst of all workloads.
    Seen(StatusVerdict),
    /// They could not be looked at.
    Unseen(RolloutResult),
}

impl StatusOf {
    pub fn new(rollout: &Rollout, progress: &Progress) -> Self {
        StatusOf {
            kind: rollout.id.kind.name(),
            namespace: rollout.id.namespace.clone(),
            name: rollout.id.name.clone(),
            revision: rollout.current().map(|index| rollout.revisions[index].number),
            result: StatusVerdict::of(&progress.state),
            summary: cause::status_summary(rollout.id.kind, progress),
            available: progress.done,
            desired: progress.total,
            pods: progress.pods.iter().map(PodReport::of).collect(),
        }
    }
}
