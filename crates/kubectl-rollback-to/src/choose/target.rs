//! What is chosen from, and what is chosen.

use cluster_model::rollout::Rollout;
use k8s_openapi::jiff::Timestamp;
use plugin_client::Failure;
use serde_json::Value;

use super::change_cause::inherited;
use crate::health::Health;
use crate::timeline::Timeline;

/// A template to go back to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Index into `Rollout::revisions`; `None` for a template from the journal that the cluster no longer keeps.
    pub revision: Option<usize>,
    pub template: Value,
    /// Its own change cause.
    pub change_cause: Option<String>,
    /// That cause is known to be of another rollout.
    pub cause_inherited: bool,
    /// The flag, as in `--last-healthy`; `interactive selection` without one.
    pub chosen_by: String,
    /// Why this one, with its precision; one line.
    pub evidence: String,
}

#[derive(Clone, Debug)]
pub enum Chosen {
    Target(Target),
    /// `--time` before the workload existed: one that was selected stays as it is, one that was named is refused in these words.
    NotYetCreated(Failure),
}

/// Everything known about one workload's past.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    pub rollout: &'a Rollout,
    pub timeline: &'a Timeline,
    /// As long as `rollout.revisions`.
    pub health: &'a [Health],
    pub now: Timestamp,
}

pub fn target(past: Past<'_>, index: usize, chosen_by: &str, evidence: impl Into<String>) -> Chosen {
    let revision = &past.rollout.revisions[index];
    Chosen::Target(Target {
        revision: Some(index),
        template: revision.template.clone(),
        change_cause: revision.change_cause.clone(),
        cause_inherited: inherited(past.rollout, past.timeline, index),
        chosen_by: chosen_by.to_owned(),
        evidence: evidence.into(),
    })
}
