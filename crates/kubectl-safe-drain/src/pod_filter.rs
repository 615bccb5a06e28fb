//! Which pods are evicted and which are skipped: kubectl's filters (`pkg/drain/filters.go`), as one pure function.

use cluster_model::{Inventory, PodExt};
use k8s_openapi::api::core::v1::Pod;

use crate::options::Options;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodFilter {
    Evict,
    /// Deleted by somebody else already: nothing to request, only to wait.
    Terminating,
    Skip(&'static str),
}

pub const DAEMONSET: &str = "DaemonSet-managed pod";
pub const MIRROR: &str = "static pod managed by the kubelet";
pub const SKIPPED: &str = "terminating for longer than --skip-wait-for-delete-timeout";

pub fn pod_filter(pod: &Pod, inventory: &Inventory, options: &Options) -> PodFilter {
    if pod.is_mirror() {
        return PodFilter::Skip(MIRROR);
    }
    if pod.is_daemonset_pod() && !pod.is_finished() && !inventory.is_orphaned(pod) {
        return PodFilter::Skip(DAEMONSET);
    }
    if let Some(deleted) = pod.deletion_timestamp() {
        // The timestamp already includes the grace period, as kubectl's rule does.
        let overdue = inventory.taken_at.as_second() - deleted.as_second();
        return match options.skip_wait_for_delete {
            Some(limit) if overdue > limit => PodFilter::Skip(SKIPPED),
            _ => PodFilter::Terminating,
        };
    }
    PodFilter::Evict
}

/// The pods whose eviction will be requested.
pub fn pods_to_evict<'a>(inventory: &'a Inventory, options: &'a Options) -> impl Iterator<Item = &'a Pod> {
    inventory.pods.iter().filter(move |pod| pod_filter(pod, inventory, options) == PodFilter::Evict)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::Known;
    use cluster_model::build::{PodBuild, pod};
    use cluster_model::owner::Workload;
    use k8s_openapi::jiff::Timestamp;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn as_kubectl_filters() {
        let now = at(1_800_000_000);
        let ds = || pod("a/p", "n").owned_by("apps/v1", "DaemonSet", "d");
        let deleted = |ago: i64| pod("a/p", "n").deleted(&at(1_800_000_000 - ago).to_string());
        let skip = Options { skip_wait_for_delete: Some(60), ..Options::default() };
        let cases = [
            ("a plain pod", pod("a/p", "n"), Options::default(), PodFilter::Evict),
            (
                "an unmanaged pod (a finding asks about it)",
                pod("a/p", "n").unmanaged(),
                Options::default(),
                PodFilter::Evict,
            ),
            ("a finished pod", pod("a/p", "n").phase("Succeeded"), Options::default(), PodFilter::Evict),
            ("a DaemonSet's pod", ds(), Options::default(), PodFilter::Skip(DAEMONSET)),
            ("a DaemonSet's finished pod", ds().phase("Failed"), Options::default(), PodFilter::Evict),
            (
                "a static pod",
                pod("a/p", "n").annotation("kubernetes.io/config.mirror", "x"),
                Options::default(),
                PodFilter::Skip(MIRROR),
            ),
            ("deleted, in its grace", deleted(-20), skip.clone(), PodFilter::Terminating),
            ("deleted, overdue", deleted(61), skip.clone(), PodFilter::Skip(SKIPPED)),
            ("deleted, overdue, no limit", deleted(6100), Options::default(), PodFilter::Terminating),
        ];
        for (name, pod, options, expected) in cases {
            assert_eq!(pod_filter(&pod, &Inventory::empty(now), &options), expected, "{name}");
        }
    }

    #[test]
    fn an_orphaned_daemonset_pod_is_evicted() {
        let pod = pod("a/p", "n").owned_by("apps/v1", "DaemonSet", "d");
        let mut inventory = Inventory::empty(at(0));
        let key = inventory.controller_of(&pod).unwrap().key;
        inventory.owners.insert(key.clone(), Known::Unknown("forbidden".into()));
        assert_eq!(
            pod_filter(&pod, &inventory, &Options::default()),
            PodFilter::Skip(DAEMONSET),
            "unknown is not gone"
        );
        for found in [None, Some(Workload { is_terminating: true, ..Workload::default() })] {
            inventory.owners.insert(key.clone(), Known::Seen(found));
            assert_eq!(pod_filter(&pod, &inventory, &Options::default()), PodFilter::Evict);
        }
    }
}
