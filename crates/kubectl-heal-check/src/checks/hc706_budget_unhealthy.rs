//! HC706: a disruption budget whose pods are not healthy.

use cluster_model::BudgetStatus;

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC706",
    name: "budget-unhealthy",
    about: About::Now,
    severities: &[Error],
    reads: &[Read::Budgets],
    fires_when: "a PodDisruptionBudget has fewer healthy pods than it requires",
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
            found.add(Error, &budget.subject, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
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
