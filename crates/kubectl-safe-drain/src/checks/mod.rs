//! What could go wrong, found before anything is changed. A check is a pure function from the inventory to findings;
//! all findings are kept, and each id has a row in docs/safe-drain.md.

mod budgets;
mod data;
mod nodes;
mod owners;
mod pods;
mod recreation;
mod refusal;
mod room;
mod services;

use std::collections::BTreeSet;

use cluster_model::finding::sort;
use cluster_model::text::count;
use cluster_model::{Finding, Inventory, Severity};

use crate::options::Options;
pub use budgets::unhealthy_pods;
pub use recreation::{Recreation, recreation};
pub use refusal::refusal;
pub use room::{DEADLOCK, check as room};

pub type Check = fn(&Inventory, &Options) -> Vec<Finding>;

/// Every check with the ids it can report.
pub const CHECKS: &[(&[&str], Check)] = &[
    (&["node-not-ready", "node-cordoned-before"], nodes::check),
    (&["bare-pod", "orphaned-owner", "owner-not-checked", "job-progress"], owners::check),
    (&["pinned-pod", "may-return", "awaited-pod", "awaited-not-checked"], recreation::check),
    (
        &[
            "emptydir-data",
            "ephemeral-volume-data",
            "host-path-data",
            "local-volume",
            "inline-volume",
            "volume-not-checked",
        ],
        data::check,
    ),
    (
        &[
            "pod-in-several-budgets",
            "budget-blocked",
            "budget-exhausted",
            "budget-unhealthy-pods",
            "budget-stale",
            "budget-sync-failed",
            "budget-paces",
            "budgets-bypassed",
            "budgets-not-checked",
        ],
        budgets::check,
    ),
    (
        &[
            "last-ready-replica",
            "cluster-service-last-replica",
            "webhook-backend-here",
            "webhooks-not-checked",
        ],
        services::check,
    ),
    (
        &["daemonset-pod", "mirror-pod", "pod-terminating", "pod-stuck-terminating", "long-grace-period"],
        pods::check,
    ),
];

/// Reported by the rights check, which asks the server instead of the inventory.
pub const RIGHTS_MISSING: &str = "rights-missing";
pub const RIGHTS_NOT_CHECKED: &str = "rights-not-checked";
pub const NODES_NOT_WATCHED: &str = "nodes-not-watched";

/// All ids that `--allow` may name.
pub fn ids() -> impl Iterator<Item = &'static str> + Clone {
    CHECKS.iter().flat_map(|(ids, _)| ids.iter().copied()).chain(room::IDS).chain([
        RIGHTS_MISSING,
        RIGHTS_NOT_CHECKED,
        NODES_NOT_WATCHED,
    ])
}

const NOT_RECREATED: [&str; 2] = ["bare-pod", "orphaned-owner"];
const DATA_LOST: [&str; 2] = ["emptydir-data", "ephemeral-volume-data"];

/// What is lost for good once the findings are accepted, if anything: then the user types the node's name.
pub fn permanent_loss(findings: &[Finding]) -> Option<String> {
    let pods = |ids: &[&str]| {
        let errors = findings.iter().filter(|f| f.severity == Severity::Error && ids.contains(&f.id));
        errors.map(|f| f.subject.as_str()).collect::<BTreeSet<_>>().len()
    };
    let (not_recreated, with_data) = (pods(&NOT_RECREATED), pods(&DATA_LOST));
    let not_recreated =
        (not_recreated > 0).then(|| format!("{} that no controller recreates", count(not_recreated, "pod")));
    let with_data = (with_data > 0).then(|| format!("the data in volumes of {}", count(with_data, "pod")));
    let losses: Vec<String> = not_recreated.into_iter().chain(with_data).collect();
    (!losses.is_empty()).then(|| losses.join(", and "))
}

/// Runs every check; worst findings first.
pub fn check(inventory: &Inventory, options: &Options) -> Vec<Finding> {
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|(_, check)| check(inventory, options)).collect();
    sort(&mut findings);
    findings
}

#[cfg(test)]
pub mod testing {
    //! Tables over checks: an inventory that makes a finding fire, and one minimal edit that does not.

    use super::*;
    use std::collections::BTreeMap;

    use cluster_model::owner::Workload;
    use cluster_model::owner_graph::ControllerState;
    use cluster_model::{DisruptionBudget, Known, build};
    use k8s_openapi::api::core::v1::Pod;
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    pub fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    /// One node `n1` with these pods, whose owners exist and have three replicas.
    pub fn inventory_of(pods: Vec<Pod>) -> Inventory {
        let mut inventory = Inventory::empty(now());
        inventory.nodes.push(build::node("n1", json!({})));
        inventory.pods = pods.into();
        let pod_labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        let three = Workload { desired: Some(3), current: 3, ready: 3, pod_labels, ..Workload::default() };
        let owners = inventory.pods.by_controller();
        inventory.owners = owners.map(|(key, _)| (key.clone(), Known::Seen(Some(three.clone())))).collect();
        inventory
    }

    /// The same while the owners of all its pods are being deleted.
    pub fn being_deleted(mut inventory: Inventory) -> Inventory {
        let keys: Vec<_> = inventory.pods.by_controller().map(|(key, _)| key.clone()).collect();
        for key in keys {
            let ControllerState::Exists(workload) = inventory.owners.state(&key) else { continue };
            let workload = Workload { is_terminating: true, ..workload.clone() };
            inventory.owners.insert(key, Known::Seen(Some(workload)));
        }
        inventory
    }

    /// The same with these budgets.
    pub fn budgeted(pods: Vec<Pod>, budgets: Vec<DisruptionBudget>) -> Inventory {
        Inventory { budgets: Known::Seen(budgets.into()), ..inventory_of(pods) }
    }

    pub fn found(inventory: &Inventory, options: &Options) -> Vec<(&'static str, String)> {
        check(inventory, options).into_iter().map(|f| (f.id, f.subject)).collect()
    }

    /// The finding fires on `bad` and not on `good`.
    pub fn fires(id: &str, severity: Severity, bad: &Inventory, good: &Inventory) {
        fires_with(id, severity, bad, good, &Options::default());
    }

    pub fn fires_with(id: &str, severity: Severity, bad: &Inventory, good: &Inventory, options: &Options) {
        assert!(ids().any(|known| known == id), "{id} is not in the catalogue");
        let hit: Vec<_> = check(bad, options).into_iter().filter(|f| f.id == id).collect();
        assert!(!hit.is_empty(), "{id} must fire; found {:?}", found(bad, options));
        for f in &hit {
            assert_eq!(f.severity, severity, "{f:?}");
            assert!(!f.message.is_empty() && !f.message.ends_with('.') && !f.subject.is_empty(), "{f:?}");
            assert!(severity < Severity::Warning || !f.remedy.is_empty(), "{id} needs a remedy");
        }
        let miss: Vec<_> = check(good, options).into_iter().filter(|f| f.id == id).collect();
        assert_eq!(miss, [], "{id} must not fire on the fixed inventory");
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;
    use cluster_model::build::{PodBuild, pod};

    #[test]
    fn ids_are_unique() {
        let mut all: Vec<_> = ids().collect();
        let before = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), before);
    }

    #[test]
    fn what_is_lost_for_good_is_named() {
        let error = |id, pod: &str| Finding::new(id, Severity::Error, pod, "m");
        let all = [
            error("bare-pod", "a/p"),
            error("orphaned-owner", "a/q"),
            error("emptydir-data", "a/p"),
            error("ephemeral-volume-data", "a/p"),
            error("budget-blocked", "a/web"),
        ];
        for (findings, expected) in [
            (&all[..1], Some("1 pod that no controller recreates")),
            (&all[2..4], Some("the data in volumes of 1 pod")),
            (&all[..], Some("2 pods that no controller recreates, and the data in volumes of 1 pod")),
            (&all[4..], None),
        ] {
            assert_eq!(permanent_loss(findings).as_deref(), expected);
        }
    }

    #[test]
    fn a_healthy_node_has_no_findings_and_worst_come_first() {
        assert_eq!(found(&inventory_of(vec![pod("a/p", "n1")]), &Options::default()), []);
        let all = check(
            &inventory_of(vec![
                pod("a/p", "n1").unmanaged(),
                pod("a/d", "n1").owned_by("apps/v1", "DaemonSet", "d"),
            ]),
            &Options::default(),
        );
        assert!(all.len() >= 2 && all.is_sorted_by_key(|f| std::cmp::Reverse(f.severity)), "{all:?}");
    }
}
