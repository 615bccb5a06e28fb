//! Deployment: its revisions are ReplicaSets, which make the pods.

use serde_json::{Value, json};

use super::resource_type::ResourceType;
use super::revision_object::RevisionObject;
use super::update_strategy::Moves;
use super::workload_kind::{Candidate, CompletionRecord, Counts, WorkloadKind, is_random, suffix};
use crate::Raw;
use crate::int_or_percent::{Round, scaled_or};

pub const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) struct Deployment;

impl RevisionObject for Deployment {
    fn revision_type(&self) -> ResourceType {
        ResourceType::apps("ReplicaSet", "replicasets")
    }

    fn hash_label(&self) -> &'static str {
        "pod-template-hash"
    }

    fn template<'a>(&self, history: &'a Value) -> &'a Value {
        &history["spec"]["template"]
    }

    /// `kubectl/pkg/util/deployment`, Revision: a missing number counts as 0, one that is no number is passed over.
    fn number(&self, history: &Value) -> Option<i64> {
        history.annotation(REVISION).map_or(Ok(0), str::parse).ok()
    }

    fn controller_field(&self) -> &'static str {
        "/f:spec/f:replicas"
    }

    fn keeps_numbers(&self) -> bool {
        true
    }

    fn copies_change_cause(&self) -> bool {
        true
    }

    fn copies_last_applied(&self) -> bool {
        false
    }

    fn revisions_own_pods(&self) -> bool {
        true
    }

    fn available(&self, history: &Value) -> Option<i64> {
        Some(history.number("/status/availableReplicas").unwrap_or_default())
    }

    /// The generation of a ReplicaSet rises with its first pod, unless it was made with pods.
    fn never_had_pods(&self, history: &Value) -> bool {
        history.number("/metadata/generation") == Some(1) && history.number("/spec/replicas") == Some(0)
    }
}

impl WorkloadKind for Deployment {
    fn resource(&self) -> ResourceType {
        ResourceType::apps("Deployment", "deployments")
    }

    fn word(&self) -> &'static str {
        "deployment"
    }

    fn short(&self) -> &'static str {
        "deploy"
    }

    fn named_by_controller(&self, object: &Value, candidates: &[Candidate<'_>]) -> Option<usize> {
        // While it is paused no ReplicaSet is made: its number is still that of another template.
        if self.is_paused(object) {
            return None;
        }
        match object.annotation(REVISION) {
            Some(number) => {
                candidates.iter().rposition(|it| it.number > 0 && it.number.to_string() == number)
            }
            None => candidates.len().checked_sub(1),
        }
    }

    /// As long as it has no number, no ReplicaSet was made for it.
    fn has_revision(&self, object: &Value) -> bool {
        object.annotation(REVISION).is_some()
    }

    /// The oldest, whatever its number (`deployment_util.go`, FindNewReplicaSet).
    fn reused(&self, candidates: &[Candidate<'_>], equal: &[usize]) -> Option<usize> {
        equal.iter().copied().min_by_key(|&index| {
            let Candidate { created, name, .. } = candidates[index];
            (created.is_none(), created, name)
        })
    }

    fn completion_record(&self) -> CompletionRecord {
        CompletionRecord::ProgressingCondition
    }

    fn desired(&self, object: &Value) -> i64 {
        object.number("/spec/replicas").unwrap_or(1)
    }

    fn moves(&self, object: &Value, desired: i64) -> Moves {
        let rules = &object["spec"]["strategy"];
        match rules.text("/type") {
            "" | "RollingUpdate" => rolling(rules, desired),
            "Recreate" => Moves::Recreate,
            other => Moves::Unknown(other.to_owned()),
        }
    }

    fn is_paused(&self, object: &Value) -> bool {
        object["spec"]["paused"] == true
    }

    fn has_progress_deadline(&self) -> bool {
        true
    }

    fn replaces_in_place(&self) -> bool {
        false
    }

    fn counts(&self) -> Counts {
        Counts {
            all: "/status/replicas",
            updated: "/status/updatedReplicas",
            available: "/status/availableReplicas",
        }
    }

    /// `deployment_util.go`, DeploymentComplete.
    fn is_complete(&self, object: &Value, desired: i64, _updated: i64) -> bool {
        let Counts { all, updated, available } = self.counts();
        [all, updated, available]
            .into_iter()
            .all(|pointer| object.number(pointer).unwrap_or_default() == desired)
    }

    /// `web-5c9f7d-x2b4q`
    fn names_pod(&self, pod: &str, _workload: &str, histories: &[&str]) -> bool {
        histories.iter().any(|set| suffix(pod, set).is_some_and(is_random))
    }
}

/// `deployment_util.go`, ResolveFenceposts and MaxUnavailable; defaults of `apis/apps/v1/defaults.go`.
fn rolling(rules: &Value, desired: i64) -> Moves {
    let rule =
        |key: &str, round: Round| scaled_or(&rules["rollingUpdate"][key], &json!("25%"), desired, round);
    let (surge, unavailable) = (rule("maxSurge", Round::Up), rule("maxUnavailable", Round::Down));
    // "On the theory that surge might not work due to quota."
    let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
    Moves::Rolling { surge, unavailable: unavailable.min(desired) }
}
