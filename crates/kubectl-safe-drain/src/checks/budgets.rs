//! Disruption budgets over the evicted pods: which one blocks, why, and what would allow the eviction.

mod blocked;
mod unhealthy;

use std::collections::BTreeMap;

use cluster_model::disruption_budget::Rule;
use cluster_model::text::count;
use cluster_model::{BudgetStatus, DisruptionBudget, Finding, Inventory, Known, PodExt, Severity};
use k8s_openapi::api::core::v1::Pod;

use crate::options::Options;
use crate::pod_filter::pods_to_evict;
pub use blocked::in_order;
use blocked::{allows_none, used_up};
use unhealthy::unhealthy;
pub use unhealthy::unhealthy_pods;

pub fn check(inventory: &Inventory, options: &Options) -> Vec<Finding> {
    if let Known::Unknown(why) = &inventory.budgets {
        return vec![
            Finding::new(
                "budgets-not-checked",
                Severity::Unknown,
                "disruption budgets",
                format!("could not be read: {why}"),
            )
            .remedy("the API server still enforces them; blocked evictions cannot be predicted"),
        ];
    }
    let mut findings = Vec::new();
    let mut here: BTreeMap<&str, (&DisruptionBudget, Vec<&Pod>)> = BTreeMap::new();
    for pod in pods_to_evict(inventory, options).filter(|p| !p.is_pending() && !p.is_finished()) {
        let budgets = inventory.budgets_of(pod);
        if budgets.len() > 1 && !options.disable_eviction {
            let names: Vec<_> = budgets.iter().map(|b| b.key()).collect();
            findings.push(
                Finding::new(
                    "pod-in-several-budgets",
                    Severity::Error,
                    pod.key(),
                    format!(
                        "is selected by {}: {}; the API server refuses to evict it",
                        count(budgets.len(), "PDB"),
                        names.join(", ")
                    ),
                )
                .remedy("narrow the selectors so that only one PDB selects it"),
            );
            continue;
        }
        for budget in budgets {
            here.entry(budget.key()).or_insert((budget, Vec::new())).1.push(pod);
        }
    }
    if options.disable_eviction {
        findings.extend(here.values().map(|(budget, pods)| bypassed(budget, pods)));
        return findings;
    }
    for (budget, pods) in here.values() {
        let counted: Vec<&Pod> = pods.iter().filter(|p| budget.counts(p)).copied().collect();
        if !counted.is_empty() {
            findings.extend(stands_in_the_way(budget, &counted, inventory));
        }
    }
    findings
}

fn bypassed(budget: &DisruptionBudget, pods: &[&Pod]) -> Finding {
    Finding::new(
        "budgets-bypassed",
        Severity::Warning,
        budget.key(),
        format!("is bypassed for {}: --disable-eviction deletes them directly", count(pods.len(), "pod")),
    )
    .remedy("omit --disable-eviction to respect the PDB")
}

fn stands_in_the_way(budget: &DisruptionBudget, counted: &[&Pod], inventory: &Inventory) -> Vec<Finding> {
    let (rule, expected) = (budget.rule(), budget.expected);
    let finding = |id, severity, message: String| Finding::new(id, severity, budget.key(), message);
    match *budget.status() {
        BudgetStatus::Stale => vec![
            finding(
                "budget-stale",
                Severity::Warning,
                "has just changed and its status is not up to date".into(),
            )
            .remedy("retry in a moment"),
        ],
        BudgetStatus::SyncFailed(ref why) => vec![
            finding(
                "budget-sync-failed",
                Severity::Error,
                format!("failed to sync and allows no disruptions: {why}"),
            )
            .remedy("fix the PDB's selector, or the owner of its pods"),
        ],
        BudgetStatus::Blocked if *rule == Rule::None => vec![
            finding(
                "budget-blocked",
                Severity::Error,
                "can never allow an eviction: it has neither minAvailable nor maxUnavailable".to_owned(),
            )
            .remedy("set one of them, or delete the PDB"),
        ],
        BudgetStatus::Blocked if expected == 0 => vec![
            finding(
                "budget-blocked",
                Severity::Error,
                format!(
                    "can never allow an eviction: {rule} needs pods with a controller, and none have one"
                ),
            )
            .remedy("give it an integer minAvailable, or give its pods a controller"),
        ],
        BudgetStatus::Blocked | BudgetStatus::Exhausted => {
            let first = allows_none(budget, counted, inventory);
            std::iter::once(first).chain(unhealthy(budget, inventory)).collect()
        }
        BudgetStatus::Allows(n) => {
            let disruptions = count(usize::try_from(n).unwrap_or_default(), "disruption");
            let exceeds = |pods: usize| usize::try_from(n).is_ok_and(|n| n < pods);
            // Each of them uses up one for good.
            let unreplaced = counted.iter().filter(|pod| !inventory.is_recreated(pod)).count();
            if exceeds(unreplaced) {
                let message = format!(
                    "allows {disruptions}, but {} to evict are not recreated, so it allows no more until other pods of it are Ready",
                    count(unreplaced, "pod")
                );
                return vec![
                    finding("budget-blocked", Severity::Error, message).remedy("relax the PDB for the drain"),
                ];
            }
            if let Some((last, next)) = used_up(n, counted, inventory) {
                let message = format!(
                    "allows {disruptions}, and {} uses up the last one: it is evicted before {} and is not recreated, so no more is allowed until other pods of it are Ready",
                    last.key(),
                    next.key()
                );
                return vec![
                    finding("budget-blocked", Severity::Error, message).remedy("relax the PDB for the drain"),
                ];
            }
            let paces = || {
                let pods = count(counted.len(), "pod");
                finding(
                    "budget-paces",
                    Severity::Info,
                    format!("allows {disruptions} at a time; {pods} are evicted in turn"),
                )
            };
            exceeds(counted.len()).then(paces).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests;
