//! DaemonSet: its revisions are ControllerRevisions, and each node that it fits on has one pod.

use serde_json::{Value, json};

use super::resource_type::ResourceType;
use super::revision_object::ControllerRevisions;
use super::update_strategy::Moves;
use super::workload_kind::{Candidate, CompletionRecord, Counts, WorkloadKind, is_random, suffix};
use crate::Raw;
use crate::int_or_percent::{Round, scaled_or};

pub(super) struct DaemonSet;

impl ControllerRevisions for DaemonSet {}

impl WorkloadKind for DaemonSet {
    fn resource(&self) -> ResourceType {
        ResourceType::apps("DaemonSet", "daemonsets")
    }

    fn word(&self) -> &'static str {
        "daemonset"
    }

    fn short(&self) -> &'static str {
        "ds"
    }

    fn named_by_controller(&self, _object: &Value, candidates: &[Candidate<'_>]) -> Option<usize> {
        candidates.len().checked_sub(1)
    }

    /// The newest (`daemon/update.go`, dedupCurHistories).
    fn reused(&self, _candidates: &[Candidate<'_>], equal: &[usize]) -> Option<usize> {
        equal.last().copied()
    }

    fn completion_record(&self) -> CompletionRecord {
        CompletionRecord::None
    }

    fn desired(&self, object: &Value) -> i64 {
        object.number("/status/desiredNumberScheduled").unwrap_or_default()
    }

    fn is_per_node(&self) -> bool {
        true
    }

    fn moves(&self, object: &Value, desired: i64) -> Moves {
        let rules = &object["spec"]["updateStrategy"];
        match rules.text("/type") {
            "" | "RollingUpdate" => rolling(rules, desired),
            "OnDelete" => Moves::OnDelete,
            other => Moves::Unknown(other.to_owned()),
        }
    }

    fn counts(&self) -> Counts {
        Counts {
            all: "/status/currentNumberScheduled",
            updated: "/status/updatedNumberScheduled",
            available: "/status/numberAvailable",
        }
    }

    fn is_complete(&self, object: &Value, desired: i64, updated: i64) -> bool {
        let (counts, n) = (self.counts(), |pointer| object.number(pointer).unwrap_or_default());
        n(counts.updated) >= updated && n(counts.available) >= desired
    }

    /// `web-x2b4q`
    fn names_pod(&self, pod: &str, workload: &str, _histories: &[&str]) -> bool {
        suffix(pod, workload).is_some_and(is_random)
    }

    /// `pkg/controller/daemon/util/daemonset_util.go`, AddOrUpdateDaemonPodTolerations.
    fn added_tolerations(&self) -> &'static [&'static str] {
        &[
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
            "node.kubernetes.io/disk-pressure",
            "node.kubernetes.io/memory-pressure",
            "node.kubernetes.io/pid-pressure",
            "node.kubernetes.io/unschedulable",
            "node.kubernetes.io/network-unavailable",
        ]
    }
}

/// `daemonset_util.go`, SurgeCount and UnavailableCount: both round up; `update.go`, updatedDesiredNodeCounts.
fn rolling(rules: &Value, desired: i64) -> Moves {
    let rule = |key: &str, default: i64| {
        scaled_or(&rules["rollingUpdate"][key], &json!(default), desired, Round::Up)
    };
    let (surge, unavailable) = (rule("maxSurge", 0), rule("maxUnavailable", 1));
    let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
    Moves::Rolling { surge: surge.min(desired), unavailable: unavailable.min(desired) }
}
