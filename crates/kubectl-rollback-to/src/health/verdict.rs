//! The verdict on a revision, and everything it is judged by.

use cluster_model::rollout::{Revision, Rollout};
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use super::pods::Pods;
use crate::timeline::{Scaling, Timeline};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// There is direct evidence that all of it ran.
    Healthy,
    /// There is direct evidence that it did not.
    Unhealthy,
    /// It ran for a long while or reached its replicas, as far as can be inferred: not proof.
    Likely,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    pub verdict: Verdict,
    /// One line, as in `serves 3 pods that are available now`.
    pub evidence: String,
}

impl Health {
    pub fn new(verdict: Verdict, evidence: impl Into<String>) -> Self {
        Health { verdict, evidence: evidence.into() }
    }
}

/// Everything one revision is judged by.
pub struct Trial<'a> {
    pub rollout: &'a Rollout,
    pub timeline: &'a Timeline,
    pub scalings: &'a [Scaling],
    pub now: Timestamp,
    pub index: usize,
    pub revision: &'a Revision,
    pub is_current: bool,
    pub pods: Pods,
}
