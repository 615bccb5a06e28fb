//! What can be read off a Pod.

pub mod issue;
pub mod resources;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, Pod, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::toleration::{cordon, tolerated};

/// Priorities that Kubernetes keeps for itself (`pkg/apis/scheduling/types.go`, SystemCriticalPriority).
const SYSTEM_CLUSTER_CRITICAL: i32 = 2_000_000_000;
const SYSTEM_NODE_CRITICAL: i32 = 2_000_001_000;

const HOSTNAME: &str = "kubernetes.io/hostname";

/// Groups of pods that are evicted from a node one after another: what others depend on goes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    Workload,
    ClusterCritical,
    NodeCritical,
}

impl Tier {
    pub const ALL: [Tier; 3] = [Tier::Workload, Tier::ClusterCritical, Tier::NodeCritical];

    pub fn name(self) -> &'static str {
        match self {
            Tier::Workload => "workloads",
            Tier::ClusterCritical => "system-cluster-critical",
            Tier::NodeCritical => "system-node-critical",
        }
    }
}

/// In seconds. What became Ready later was Ready before, as after an outage of what it needs: its condition has the time of the last change
/// only.
const LONGEST_START: i64 = 600;

/// Drops the statuses of the containers of a pod that is Ready and was never restarted. They show why a pod is not Ready, and whether one
/// that is became so at its first start ([`PodExt::seconds_to_ready`]).
pub fn drop_ready_containers(pod: &mut Pod) {
    let is_ready = pod.is_ready();
    if let Some(status) = pod.status.as_mut().filter(|_| is_ready) {
        let restarted = status.container_statuses.iter().flatten().any(|c| c.restart_count > 0);
        if !restarted {
            (status.container_statuses, status.init_container_statuses) = (None, None);
        }
    }
}

pub trait PodExt {
    fn name(&self) -> &str;
    fn namespace(&self) -> &str;
    fn uid(&self) -> &str;
    /// `namespace/name`.
    fn key(&self) -> String;
    fn node(&self) -> &str;
    fn phase(&self) -> &str;
    fn is_ready(&self) -> bool;
    fn is_pending(&self) -> bool;
    /// Succeeded or Failed: no container will run again.
    fn is_finished(&self) -> bool;
    fn is_terminating(&self) -> bool;
    /// A static pod's shadow in the API; the kubelet runs it from a file, so it cannot be evicted.
    fn is_mirror(&self) -> bool;
    fn controller(&self) -> Option<&OwnerReference>;
    /// By UID: a later owner of the same name is another one.
    fn is_controlled_by(&self, uid: &str) -> bool;
    /// Owned by a DaemonSet of apps/v1. Other things may be called DaemonSet too (kubectl#1768).
    fn is_daemonset_pod(&self) -> bool;
    fn priority(&self) -> i32;
    fn tier(&self) -> Tier;
    fn volumes(&self) -> &[Volume];
    fn grace_seconds(&self) -> i64;
    /// Would it be bound to a cordoned node again?
    fn tolerates_cordon(&self) -> bool;
    /// No other node is allowed: its selector or required affinity names one host, or (as a controller does that runs one pod on each
    /// node) one `metadata.name` (pkg/controller/daemon/util/daemonset_util.go, `ReplaceDaemonSetPodNodeNameNodeAffinity`).
    fn fits_one_node_only(&self) -> bool;
    /// `spec.schedulerName` when it is not Kubernetes' own scheduler.
    fn foreign_scheduler(&self) -> Option<&str>;
    fn finalizers(&self) -> &[String];
    fn deletion_timestamp(&self) -> Option<Timestamp>;
    /// When its deletion was requested: the deletion timestamp is the end of the grace period.
    fn deletion_requested_at(&self) -> Option<Timestamp>;
    /// Seconds from being bound to a node to being Ready, for a pod that had no restart: none above [`LONGEST_START`].
    fn seconds_to_ready(&self) -> Option<i64>;
    /// Since when it is Ready, as far as its containers and readiness gates decide: on a node that was silent for a while the node controller
    /// sets the condition Ready alone to False (`pkg/controller/util/node/controller_utils.go`, MarkPodsNotReady).
    fn ready_since(&self) -> Option<Timestamp>;
    fn condition_time(&self, kind: &str) -> Option<Timestamp>;
}

impl PodExt for Pod {
    fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }

    fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    fn key(&self) -> String {
        format!("{}/{}", self.namespace(), self.name())
    }

    fn node(&self) -> &str {
        self.spec.as_ref().and_then(|s| s.node_name.as_deref()).unwrap_or_default()
    }

    fn phase(&self) -> &str {
        self.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or_default()
    }

    fn is_ready(&self) -> bool {
        let conditions = self.status.as_ref().and_then(|s| s.conditions.as_ref());
        conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
    }

    fn is_pending(&self) -> bool {
        self.phase() == "Pending"
    }

    fn is_finished(&self) -> bool {
        matches!(self.phase(), "Succeeded" | "Failed")
    }

    fn is_terminating(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    fn is_mirror(&self) -> bool {
        self.metadata.annotations.as_ref().is_some_and(|a| a.contains_key("kubernetes.io/config.mirror"))
    }

    fn controller(&self) -> Option<&OwnerReference> {
        self.metadata.owner_references.iter().flatten().find(|o| o.controller == Some(true))
    }

    fn is_controlled_by(&self, uid: &str) -> bool {
        self.controller().is_some_and(|owner| owner.uid == uid)
    }

    fn is_daemonset_pod(&self) -> bool {
        self.controller().is_some_and(|o| o.kind == "DaemonSet" && o.api_version == "apps/v1")
    }

    fn priority(&self) -> i32 {
        self.spec.as_ref().and_then(|s| s.priority).unwrap_or_default()
    }

    fn tier(&self) -> Tier {
        match self.priority() {
            p if p >= SYSTEM_NODE_CRITICAL => Tier::NodeCritical,
            p if p >= SYSTEM_CLUSTER_CRITICAL => Tier::ClusterCritical,
            _ => Tier::Workload,
        }
    }

    fn volumes(&self) -> &[Volume] {
        self.spec.as_ref().and_then(|s| s.volumes.as_deref()).unwrap_or_default()
    }

    fn grace_seconds(&self) -> i64 {
        let seconds = self.spec.as_ref().and_then(|s| s.termination_grace_period_seconds).unwrap_or(30);
        // `pkg/registry/core/pod/strategy.go`, CheckGracefulDelete.
        if seconds < 0 { 1 } else { seconds }
    }

    fn tolerates_cordon(&self) -> bool {
        let tolerations = self.spec.as_ref().and_then(|s| s.tolerations.as_ref());
        tolerated(tolerations.map(Vec::as_slice).unwrap_or_default(), &cordon())
    }

    fn fits_one_node_only(&self) -> bool {
        let Some(spec) = &self.spec else { return false };
        if spec.node_selector.as_ref().is_some_and(|labels| labels.contains_key(HOSTNAME)) {
            return true;
        }
        let affinity = spec.affinity.as_ref().and_then(|a| a.node_affinity.as_ref());
        let required = affinity.and_then(|a| a.required_during_scheduling_ignored_during_execution.as_ref());
        let terms = required.map(|r| r.node_selector_terms.as_slice()).unwrap_or_default();
        let names_one = |key: &str, list: &Option<Vec<NodeSelectorRequirement>>| {
            let one = |r: &NodeSelectorRequirement| r.values.as_ref().is_some_and(|values| values.len() == 1);
            list.iter().flatten().any(|r| r.key == key && r.operator == "In" && one(r))
        };
        // Terms are alternatives.
        matches!(terms, [term] if names_one("metadata.name", &term.match_fields) || names_one(HOSTNAME, &term.match_expressions))
    }

    fn foreign_scheduler(&self) -> Option<&str> {
        let name = self.spec.as_ref().and_then(|s| s.scheduler_name.as_deref())?;
        (!matches!(name, "" | "default-scheduler")).then_some(name)
    }

    fn finalizers(&self) -> &[String] {
        self.metadata.finalizers.as_deref().unwrap_or_default()
    }

    fn deletion_timestamp(&self) -> Option<Timestamp> {
        self.metadata.deletion_timestamp.as_ref().map(|t| t.0)
    }

    fn deletion_requested_at(&self) -> Option<Timestamp> {
        let grace = SignedDuration::from_secs(self.metadata.deletion_grace_period_seconds?);
        self.deletion_timestamp()?.checked_sub(grace).ok()
    }

    fn seconds_to_ready(&self) -> Option<i64> {
        let status = self.status.as_ref()?;
        let restarted = status.container_statuses.iter().flatten().any(|c| c.restart_count > 0);
        if restarted || !self.is_ready() {
            return None;
        }
        let seconds = self.ready_since()?.as_second() - self.condition_time("PodScheduled")?.as_second();
        (0..=LONGEST_START).contains(&seconds).then_some(seconds)
    }

    fn ready_since(&self) -> Option<Timestamp> {
        let ready = self.condition_time("Ready").filter(|_| self.is_ready())?;
        // The kubelet writes both at the same time, unless Ready also waits for gates.
        let has_gates =
            self.spec.as_ref().is_some_and(|spec| spec.readiness_gates.iter().flatten().next().is_some());
        let of_containers = self.condition_time("ContainersReady").filter(|_| !has_gates);
        Some(of_containers.map_or(ready, |at| at.min(ready)))
    }

    fn condition_time(&self, kind: &str) -> Option<Timestamp> {
        let conditions = self.status.as_ref()?.conditions.as_ref()?;
        conditions.iter().find(|c| c.type_ == kind)?.last_transition_time.as_ref().map(|t| t.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{PodBuild, pod};
    use serde_json::json;

    #[test]
    fn tiers_follow_the_system_priorities() {
        for (priority, tier) in [
            (-5, Tier::Workload),
            (1_000_000_000, Tier::Workload),
            (2_000_000_000, Tier::ClusterCritical),
            (2_000_001_000, Tier::NodeCritical),
        ] {
            assert_eq!(pod("a/b", "n").priority(priority).tier(), tier, "{priority}");
        }
        assert!(Tier::ALL.is_sorted());
    }

    #[test]
    fn a_pod_of_one_node_is_recognised_by_its_affinity() {
        let affinity = |term: serde_json::Value| {
            pod("a/b", "n").edit(json!({"spec": {"affinity": {"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}}}))
        };
        let requirement = |key: &str| json!([{"key": key, "operator": "In", "values": ["n"]}]);
        assert!(affinity(json!({"matchFields": requirement("metadata.name")})).fits_one_node_only());
        assert!(
            affinity(json!({"matchExpressions": requirement("kubernetes.io/hostname")})).fits_one_node_only()
        );
        assert!(!affinity(json!({"matchExpressions": requirement("zone")})).fits_one_node_only());
        let two = json!([{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n", "m"]}]);
        assert!(!affinity(json!({"matchExpressions": two})).fits_one_node_only());
        let selected =
            pod("a/b", "n").edit(json!({"spec": {"nodeSelector": {"kubernetes.io/hostname": "n"}}}));
        assert!(selected.fits_one_node_only());
        assert!(!pod("a/b", "n").fits_one_node_only());
    }

    /// The node controller has set Ready to False for a moment.
    #[test]
    fn the_start_of_a_pod_is_over_when_its_containers_are_ready() {
        let condition = |kind: &str, minute: u8| json!({"type": kind, "status": "True", "lastTransitionTime": format!("2026-01-01T00:{minute:02}:00Z")});
        let started = |ready: u8, containers: u8, gates: serde_json::Value| {
            let conditions = [
                condition("PodScheduled", 0),
                condition("ContainersReady", containers),
                condition("Ready", ready),
            ];
            let pod = pod("a/b", "n")
                .edit(json!({"spec": {"readinessGates": gates}, "status": {"conditions": conditions}}));
            pod.seconds_to_ready()
        };
        let gate = json!([{"conditionType": "example.com/gate"}]);
        assert_eq!(started(9, 1, json!([])), Some(60));
        assert_eq!(started(1, 1, json!([])), Some(60));
        assert_eq!(started(9, 1, gate), Some(540), "it waits for its gate");
    }

    #[test]
    fn only_an_apps_daemonset_counts() {
        assert!(pod("a/b", "n").owned_by("apps/v1", "DaemonSet", "d").is_daemonset_pod());
        assert!(!pod("a/b", "n").owned_by("apps.kruise.io/v1alpha1", "DaemonSet", "d").is_daemonset_pod());
    }
}
