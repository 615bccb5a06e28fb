//! HC209: a disruption budget that allows everything.

use cluster_model::BudgetStatus;

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC209",
    name: "budget-without-effect",
    about: About::Posture,
    severities: &[Warning],
    reads: &[Read::Budgets],
    fires_when: "a PodDisruptionBudget of two or more pods allows all of them to be evicted at the same time",
    why: "A drain may take all replicas at once, as without a budget.",
    remedy: "set maxUnavailable: 1",
    exceptions: "Of a single pod a budget can only allow the eviction or block it.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for budget in snapshot.posture_budgets() {
        let rules = &budget.budget;
        let is_computed = matches!(rules.status(), BudgetStatus::Allows(_) | BudgetStatus::Exhausted);
        if is_computed && rules.expected > 1 && rules.desired == 0 {
            let message = format!("{} of {} pods: all may be evicted at once", rules.rule(), rules.expected);
            found.add(Warning, &budget.subject, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc209_budget_without_effect() {
        let all = |expected: i64| {
            let status = json!({"disruptionsAllowed": expected, "desiredHealthy": 0, "expectedPods": expected, "currentHealthy": expected});
            healthy().edit(
                "PodDisruptionBudget/web",
                json!({"spec": {"maxUnavailable": "100%"}, "status": status}),
            )
        };
        cases(
            &CHECK,
            &[("all of three", all(3), &["poddisruptionbudget/web warning"]), ("one", all(1), &[])],
        );
    }
}
