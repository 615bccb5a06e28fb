//! Pods that stay, and pods that take long to leave.

use cluster_model::text::span;
use cluster_model::{Finding, Inventory, NodeExt, PodExt, Severity};
use k8s_openapi::api::core::v1::Pod;

use crate::options::Options;
use crate::pod_filter::{DAEMONSET, MIRROR, PodFilter, pod_filter};

/// Past its deletion time (grace included) by this much, a pod is stuck rather than slow.
const STUCK_AFTER_SECONDS: i64 = 30;
/// A grace period worth a word in the plan.
const LONG_GRACE_SECONDS: i64 = 120;

pub fn check(inventory: &Inventory, options: &Options) -> Vec<Finding> {
    inventory
        .pods
        .iter()
        .filter_map(|pod| match pod_filter(pod, inventory, options) {
            PodFilter::Skip(DAEMONSET) => Some(Finding::new(
                "daemonset-pod",
                Severity::Info,
                pod.key(),
                "is ignored: DaemonSet-managed pod",
            )),
            PodFilter::Skip(MIRROR) => Some(Finding::new(
                "mirror-pod",
                Severity::Info,
                pod.key(),
                "is ignored: static pod managed by the kubelet",
            )),
            PodFilter::Skip(_) | PodFilter::Terminating => Some(terminating(pod, inventory)),
            PodFilter::Evict => long_grace(pod, options),
        })
        .collect()
}

fn long_grace(pod: &Pod, options: &Options) -> Option<Finding> {
    let grace = options.grace_period.unwrap_or(pod.grace_seconds());
    (grace > LONG_GRACE_SECONDS && !pod.is_finished()).then(|| {
        Finding::new(
            "long-grace-period",
            Severity::Info,
            pod.key(),
            format!("may take up to {} to stop", span(grace)),
        )
    })
}

fn terminating(pod: &Pod, inventory: &Inventory) -> Finding {
    let overdue = pod.deletion_timestamp().map_or(0, |at| inventory.taken_at.as_second() - at.as_second());
    if overdue <= STUCK_AFTER_SECONDS {
        return Finding::new(
            "pod-terminating",
            Severity::Info,
            pod.key(),
            "is already terminating; the drain waits for it",
        );
    }
    let node = inventory.nodes.iter().find(|n| n.name() == pod.node());
    let (why, remedy) = match (pod.finalizers(), node.and_then(NodeExt::not_ready)) {
        ([], Some(state)) => (
            format!("its node's Ready is {state}"),
            "if the machine is off for good, taint it node.kubernetes.io/out-of-service",
        ),
        ([], None) => (
            "it has no finalizer; check the kubelet and its volumes".to_owned(),
            "kubectl describe pod, and the kubelet's log on the node",
        ),
        (finalizers, _) => (
            format!("blocked by finalizer {}", finalizers.join(", ")),
            "check the controller that owns the finalizer",
        ),
    };
    Finding::new(
        "pod-stuck-terminating",
        Severity::Warning,
        pod.key(),
        format!("should have been gone {overdue}s ago: {why}"),
    )
    .remedy(remedy)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use cluster_model::build::{PodBuild, pod};
    use cluster_model::{Inventory, Severity};
    use k8s_openapi::api::core::v1::Pod;
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    fn overdue(seconds: i64) -> Pod {
        let at = Timestamp::from_second(now().as_second() - seconds).unwrap();
        pod("a/p", "n1").deleted(&at.to_string())
    }

    fn deleted(seconds: i64) -> Inventory {
        inventory_of(vec![overdue(seconds)])
    }

    #[test]
    fn pods_that_stay_are_shown() {
        let plain = inventory_of(vec![pod("a/p", "n1")]);
        fires(
            "daemonset-pod",
            Severity::Info,
            &inventory_of(vec![pod("a/p", "n1").owned_by("apps/v1", "DaemonSet", "d")]),
            &plain,
        );
        fires(
            "mirror-pod",
            Severity::Info,
            &inventory_of(vec![pod("a/p", "n1").annotation("kubernetes.io/config.mirror", "x")]),
            &plain,
        );
    }

    #[test]
    fn terminating_is_slow_then_stuck() {
        fires("pod-terminating", Severity::Info, &deleted(10), &deleted(31));
        fires("pod-stuck-terminating", Severity::Warning, &deleted(31), &deleted(10));
    }

    #[test]
    fn a_finalizer_that_blocks_deletion_is_named() {
        let with_finalizer = overdue(100).edit(json!({"metadata": {"finalizers": ["example.com/keep"]}}));
        let finding = super::check(&inventory_of(vec![with_finalizer]), &Default::default()).remove(0);
        assert_eq!(finding.id, "pod-stuck-terminating");
        assert!(finding.message.contains("example.com/keep"), "{}", finding.message);
    }

    #[test]
    fn long_grace_period() {
        let with = |grace: i64| {
            inventory_of(vec![
                pod("a/p", "n1").edit(json!({"spec": {"terminationGracePeriodSeconds": grace}})),
            ])
        };
        fires("long-grace-period", Severity::Info, &with(600), &with(60));
    }
}
