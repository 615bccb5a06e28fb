//! HC706: a disruption budget whose pods are not healthy.

use cluster_model::BudgetStatus;

use super::check::{About, Check, Found};
use super::hc704_under_replicated::NO_LONGER_STARTING;
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::{Budget, Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC706",
    name: "budget-unhealthy",
    about: About::Now,
    severities: &[Error, Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Budgets,
    ],
    fires_when: "a PodDisruptionBudget has fewer healthy pods than it requires; a warning while those that are not Ready were made less than five minutes ago, as in an update",
    why: "Drains wait until its pods are healthy again.",
    remedy: "heal its pods first; unhealthyPodEvictionPolicy: AlwaysAllow lets drains evict those that are not Ready",
    exceptions: "Budgets that select no pods, or that their controller has not computed yet.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for budget in snapshot.selected_budgets() {
        let rules = &budget.budget;
        let is_computed = !matches!(rules.status(), BudgetStatus::Stale | BudgetStatus::SyncFailed(_));
        // What can never be met is HC204.
        let can_be_met = rules.desired <= rules.expected;
        if is_computed && can_be_met && rules.expected > 0 && rules.healthy < rules.desired {
            let message =
                format!("{}: {} healthy of {} that it requires", rules.rule(), rules.healthy, rules.desired);
            let severity = if is_healing(snapshot, budget) { Warning } else { Error };
            found.add(severity, &budget.subject, message);
        }
    }
}

/// All of its pods that are not Ready were so, or were made, a moment ago.
fn is_healing(snapshot: &Snapshot, budget: &Budget) -> bool {
    let pods = snapshot.of_budget(budget).flat_map(Workload::active);
    let waiting = pods.filter(|pod| !pod.is_ready && budget.budget.selects_labels(&pod.labels));
    let ages: Vec<i64> =
        waiting.map(|pod| pod.not_ready_since().map_or(i64::MAX, |at| snapshot.seconds_since(at))).collect();
    !ages.is_empty() && ages.iter().all(|seconds| *seconds < NO_LONGER_STARTING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy, not_ready, not_ready_since};
    use serde_json::json;

    #[test]
    fn hc706_budget_unhealthy() {
        let healthy_pods = |n: i64| {
            healthy().edit(
                "PodDisruptionBudget/web",
                json!({"status": {"disruptionsAllowed": 0, "currentHealthy": n}}),
            )
        };
        cases(
            &CHECK,
            &[
                ("A8: one of two", healthy_pods(1), &["poddisruptionbudget/web error"]),
                (
                    "D7: not Ready for a minute",
                    healthy_pods(1).edit("Pod/web-a", not_ready_since("2026-01-01T23:59:00Z")),
                    &["poddisruptionbudget/web warning"],
                ),
                (
                    "not Ready for long",
                    healthy_pods(1).edit("Pod/web-a", not_ready()),
                    &["poddisruptionbudget/web error"],
                ),
                ("two of two", healthy_pods(2), &[]),
                (
                    "not computed yet",
                    healthy_pods(1).edit("PodDisruptionBudget/web", json!({"metadata": {"generation": 2}})),
                    &[],
                ),
            ],
        );
    }
}
