//! HC204: a disruption budget that never allows an eviction.

use cluster_model::BudgetStatus;
use cluster_model::disruption_budget::{PodChange, Rule};
use cluster_model::text::count;

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::snapshot::{Budget, Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC204",
    name: "budget-blocks",
    about: About::Posture,
    severities: &[Error],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Autoscalers,
        Read::Budgets,
    ],
    fires_when: "a PodDisruptionBudget allows no eviction even when all of its pods are healthy, now or at the autoscaler's minimum",
    why: "No drain of a node with one of these pods can finish.",
    remedy: "lower minAvailable below the number of replicas, or set maxUnavailable: 1; or raise the replicas",
    exceptions: "Budgets of DaemonSets alone, whose pods no drain evicts. A budget that allows none only because pods are unhealthy is HC706; one that its controller has not computed yet is unchecked.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for budget in snapshot.posture_budgets() {
        let rules = &budget.budget;
        match rules.status() {
            BudgetStatus::Stale => {
                found.unknown(format!("{}: its status is older than its spec", rules.key()));
                continue;
            }
            BudgetStatus::SyncFailed(why) => {
                found.unknown(format!("{}: its controller cannot compute it: {why}", rules.key()));
                continue;
            }
            BudgetStatus::Allows(_) | BudgetStatus::Exhausted | BudgetStatus::Blocked => {}
        }
        // Without a rule it is HC207, without pods HC205.
        if *rules.rule() == Rule::None || rules.expected == 0 || !snapshot.counts_for_drains(budget) {
            continue;
        }
        if *rules.status() == BudgetStatus::Blocked {
            let expected = usize::try_from(rules.expected).unwrap_or_default();
            let message = format!("{} of {} never allows an eviction", rules.rule(), count(expected, "pod"));
            found.add(Error, &budget.subject, message);
        } else if let Some((autoscaler, least)) = reduced(snapshot, budget) {
            let change = PodChange {
                healthy: least - i64::from(rules.healthy),
                pods: least - i64::from(rules.expected),
                replicas: least - i64::from(rules.expected),
            };
            if rules.allowed_after(change) == 0 {
                let message = format!(
                    "{} allows no eviction once autoscaler {autoscaler} has reduced its pods to {least}",
                    rules.rule()
                );
                found.add(Error, &budget.subject, message);
            }
        }
    }
}

/// The autoscaler and the pods that are left, where the budget is about a single workload that may become smaller.
fn reduced<'s>(snapshot: &'s Snapshot, budget: &Budget) -> Option<(&'s str, i64)> {
    let [only] = budget.workloads.as_slice() else { return None };
    let (name, least) = snapshot.workloads[*only].autoscaler.as_ref()?;
    (*least > 0 && *least < i64::from(budget.budget.expected)).then_some((name, *least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc204_budget_blocks() {
        let budget = |rule: Value, status: Value| {
            healthy()
                .edit("PodDisruptionBudget/web", json!({"spec": {"maxUnavailable": null}}))
                .edit("PodDisruptionBudget/web", json!({"spec": rule, "status": status}))
        };
        let autoscaler = |least: i64| {
            json!({"kind": "HorizontalPodAutoscaler", "metadata": {"namespace": "shop", "name": "web"}, "spec": {"minReplicas": least,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}})
        };
        let of_daemon_set = || {
            let agent = json!({"kind": "DaemonSet", "metadata": {"namespace": "shop", "name": "agent", "uid": "ds"},
                "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": []}}}});
            budget(
                json!({"maxUnavailable": 0, "selector": {"matchLabels": {"app": "agent"}}}),
                json!({"disruptionsAllowed": 0, "desiredHealthy": 3}),
            )
            .with(agent)
        };
        let one =
            || budget(json!({"minAvailable": 1}), json!({"disruptionsAllowed": 2, "desiredHealthy": 1}));
        cases(
            &CHECK,
            &[
                (
                    "all of three",
                    budget(json!({"minAvailable": 3}), json!({"disruptionsAllowed": 0, "desiredHealthy": 3})),
                    &["poddisruptionbudget/web error"],
                ),
                (
                    "none may be missing",
                    budget(
                        json!({"maxUnavailable": 0}),
                        json!({"disruptionsAllowed": 0, "desiredHealthy": 3}),
                    ),
                    &["poddisruptionbudget/web error"],
                ),
                ("of a DaemonSet", of_daemon_set(), &[]),
                (
                    "A7: at the autoscaler's minimum",
                    one().with(autoscaler(1)),
                    &["poddisruptionbudget/web error"],
                ),
                ("A7: the minimum is enough", one().with(autoscaler(2)), &[]),
                (
                    "A8: pods are unhealthy",
                    budget(
                        json!({"minAvailable": 2}),
                        json!({"disruptionsAllowed": 0, "desiredHealthy": 2, "currentHealthy": 1}),
                    ),
                    &[],
                ),
                (
                    "A9: 51% of two is two",
                    budget(
                        json!({"minAvailable": "51%"}),
                        json!({"disruptionsAllowed": 0, "desiredHealthy": 2, "currentHealthy": 2, "expectedPods": 2}),
                    ),
                    &["poddisruptionbudget/web error"],
                ),
                (
                    "A10: not computed yet",
                    healthy().edit("PodDisruptionBudget/web", json!({"metadata": {"generation": 2}})),
                    &["unchecked"],
                ),
            ],
        );
    }
}
