//! The pods of a budget that are not Ready.

use cluster_model::pod::issue::not_ready_reason;
use cluster_model::{DisruptionBudget, Finding, Inventory, PodExt, Severity};
use k8s_openapi::api::core::v1::Pod;

/// Pods that count against the budget without being drained: with one of them fixed the budget allows an eviction.
pub(super) fn unhealthy(budget: &DisruptionBudget, inventory: &Inventory) -> Option<Finding> {
    let listed = inventory.not_ready_members.get(budget.key());
    let here = inventory.members(budget).filter(|_| listed.is_none());
    let unhealthy = each_unhealthy(budget, here.chain(listed.into_iter().flatten()));
    let fix = if unhealthy.len() > 1 { "fix these pods" } else { "fix that pod" };
    let unhealthy = first_and_count(&unhealthy)?;
    // AlwaysAllow lets pods go that are not Ready; it makes no other pod go.
    let is_to_evict = |pod: &Pod| !pod.is_ready() && !pod.is_terminating() && budget.counts(pod);
    let remedy = match inventory.members(budget).any(is_to_evict) {
        true => format!("{fix}, or set the PDB's unhealthyPodEvictionPolicy to AlwaysAllow"),
        false => fix.to_owned(),
    };
    Some(
        Finding::new(
            "budget-unhealthy-pods",
            Severity::Warning,
            budget.key(),
            format!("has unhealthy pods: {unhealthy}"),
        )
        .remedy(remedy),
    )
}

/// The budget's pods that are not Ready, with the reason and the node.
pub fn unhealthy_pods<'a>(budget: &DisruptionBudget, pods: impl Iterator<Item = &'a Pod>) -> Option<String> {
    first_and_count(&each_unhealthy(budget, pods))
}

fn each_unhealthy<'a>(budget: &DisruptionBudget, pods: impl Iterator<Item = &'a Pod>) -> Vec<String> {
    pods.filter(|p| budget.selects(p) && !p.is_terminating())
        .filter_map(|p| Some(format!("{} ({}{})", p.key(), not_ready_reason(p)?, place(p))))
        .collect()
}

fn first_and_count(unhealthy: &[String]) -> Option<String> {
    let (first, rest) = unhealthy.split_first()?;
    Some(if rest.is_empty() { first.clone() } else { format!("{first} and {} more", rest.len()) })
}

fn place(pod: &Pod) -> String {
    if pod.node().is_empty() { ", on no node".into() } else { format!(", on {}", pod.node()) }
}
