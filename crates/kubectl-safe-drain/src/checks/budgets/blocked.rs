//! A budget that allows nothing now: what it takes before it allows an eviction.

use std::collections::BTreeSet;

use cluster_model::disruption_budget::{Members, Requirement};
use cluster_model::owner::OwnerKey;
use cluster_model::owner_graph::ControllerState;
use cluster_model::{DisruptionBudget, Finding, Inventory, NodeExt, PodExt, Severity};
use k8s_openapi::api::core::v1::Pod;

/// `counted`: the pods to evict that need one of its disruptions.
pub(super) fn allows_none(budget: &DisruptionBudget, counted: &[&Pod], inventory: &Inventory) -> Finding {
    let (rule, healthy, desired, expected) = (budget.rule(), budget.healthy, budget.desired, budget.expected);
    let (members, with_scale) = members(budget, inventory);
    let remedy = match budget.requirement(members) {
        Requirement::ReadyPods(n) => {
            // Pods that are not Ready may go as soon as enough others are (eviction.go, IfHealthyBudget).
            let n = if counted.iter().any(|pod| pod.is_ready()) { n } else { (n - 1).max(1) };
            let more = if n > 1 { format!("{n} more pods") } else { "another pod".to_owned() };
            let verb = if n > 1 { "are" } else { "is" };
            let message =
                format!("allows 0 disruptions now: needs {desired} healthy, has {healthy} of {expected}");
            return Finding::new("budget-exhausted", Severity::Warning, budget.key(), message)
                .remedy(format!("the drain waits until {more} of this PDB {verb} Ready"));
        }
        Requirement::Replicas(n) => {
            let replicas = if n == 1 { "a replica".to_owned() } else { format!("{n} replicas") };
            let command = scale_command(&with_scale, expected, n, inventory);
            let command = command.map(|command| format!(" ({command})")).unwrap_or_default();
            format!("add {replicas}{command}, or relax the PDB for the drain")
        }
        Requirement::OtherRule if members.grow_with_scale => {
            "relax the PDB for the drain; no number of replicas is enough for it".to_owned()
        }
        Requirement::OtherRule => match with_scale.first() {
            Some(controller) => format!(
                "relax the PDB for the drain; replicas that are added to {} do not have the labels it selects",
                controller.short_label()
            ),
            None => "relax the PDB for the drain".to_owned(),
        },
    };
    let selected = members.not_ready.map(|n| n + i64::from(healthy));
    let only = match selected.filter(|n| !members.grow_with_scale && *n < expected.into()) {
        Some(n) => format!(", and it selects only {n} of them"),
        None => String::new(),
    };
    let message = format!(
        "allows no eviction, even with all its pods healthy: {rule} requires {desired} healthy of {expected}{only}"
    );
    Finding::new("budget-blocked", Severity::Error, budget.key(), message).remedy(remedy)
}

/// What is known of the pods of a budget, and the controllers with a scale that have pods of it here.
fn members(budget: &DisruptionBudget, inventory: &Inventory) -> (Members, BTreeSet<OwnerKey>) {
    let mut with_scale = BTreeSet::new();
    let mut members = Members {
        not_ready: inventory
            .not_ready_members
            .get(budget.key())
            .map(|pods| i64::try_from(pods.len()).unwrap_or(i64::MAX)),
        ..Members::default()
    };
    for controller in inventory.members(budget).filter_map(|pod| inventory.controller_of(pod)) {
        let ControllerState::Exists(workload) = controller.state else { continue };
        let Some(desired) = workload.desired else { continue };
        if with_scale.insert(controller.key) && budget.selects_labels(&workload.pod_labels) {
            members.grow_with_scale = true;
            members.to_create += i64::from(desired.saturating_sub(workload.current).max(0));
        }
    }
    (members, with_scale)
}

/// The command that adds `more` replicas, where one controller alone has the `expected` pods and kubectl can scale it: otherwise (during a
/// rollout, with an operator) its number of replicas is not that of the workload.
fn scale_command(
    with_scale: &BTreeSet<OwnerKey>,
    expected: i32,
    more: i64,
    inventory: &Inventory,
) -> Option<String> {
    let key = with_scale.first().filter(|_| with_scale.len() == 1)?;
    let ControllerState::Exists(workload) = inventory.owners.state(key) else { return None };
    let desired = workload.desired.filter(|desired| *desired == expected)?;
    let scaled = workload.controller.as_ref().unwrap_or(key);
    let kind = match (scaled.api_version.as_str(), scaled.kind.as_str()) {
        ("apps/v1", "Deployment" | "ReplicaSet" | "StatefulSet") | ("v1", "ReplicationController") => {
            scaled.kind.to_lowercase()
        }
        _ => return None,
    };
    let replicas = i64::from(desired) + more;
    Some(format!("kubectl scale {kind}/{} -n {} --replicas={replicas}", scaled.name, scaled.namespace))
}

/// Pods that nothing recreates use up a disruption for good. The one that takes the last, and the first pod that is left without.
pub(super) fn used_up<'a>(
    allowed: i32,
    counted: &[&'a Pod],
    inventory: &Inventory,
) -> Option<(&'a Pod, &'a Pod)> {
    let mut left = allowed;
    let mut last = None;
    for pod in in_order(counted, inventory) {
        match last.filter(|_| left <= 0) {
            Some(last) => return Some((last, pod)),
            None if inventory.is_recreated(pod) => {}
            None => (left, last) = (left - 1, Some(pod)),
        }
    }
    None
}

/// In the order of the plan (`plan::plan`): node by node.
pub fn in_order<'a>(pods: &[&'a Pod], inventory: &Inventory) -> Vec<&'a Pod> {
    let mut pods = pods.to_vec();
    pods.sort_by_cached_key(|pod| {
        let node = inventory.nodes.iter().position(|node| node.name() == pod.node());
        (node, pod.tier(), pod.priority(), !inventory.is_recreated(pod), pod.key())
    });
    pods
}
