//! What `--history` reports: docs/revision-history.schema.json describes the JSON.

use serde::Serialize;

use crate::health::Health;
use crate::outcome::RolloutResult;

/// `exact`: to the second. `bounded`: somewhere around. `unknown`: left no trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    Exact,
    Bounded,
    Unknown,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RevisionReport {
    pub revision: i64,
    /// Of its ReplicaSet or ControllerRevision: two may have one number.
    pub name: String,
    pub also_known_as: Vec<i64>,
    pub images: Vec<String>,
    /// Of its last stretch; `null` when unknown. `bounded` times are the latest possible start and the earliest possible end.
    pub active_from: Option<String>,
    pub active_from_precision: Precision,
    /// `null` also while it is active.
    pub active_until: Option<String>,
    pub active_until_precision: Precision,
    pub healthy: Health,
    pub change_cause: Option<String>,
    /// The cause probably is that of an earlier or later rollout of the same template.
    pub change_cause_inherited: bool,
    /// The field manager that wrote the template, of the current one only.
    pub written_by: Option<String>,
    pub current: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct HistoryOf {
    pub kind: &'static str,
    pub namespace: String,
    pub name: String,
    pub revisions: Vec<RevisionReport>,
}

#[derive(Clone, Debug, Serialize)]
pub struct RevisionHistory {
    pub kind: &'static str,
    pub result: RolloutResult,
    pub workloads: Vec<HistoryOf>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
