//! HC207: a disruption budget without a rule.

use cluster_model::disruption_budget::Rule;

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC207",
    name: "budget-without-rule",
    about: About::Posture,
    severities: &[Error],
    reads: &[Read::Budgets],
    fires_when: "a PodDisruptionBudget has neither minAvailable nor maxUnavailable",
    why: "Its controller expects no pods then and allows no disruption (pkg/controller/disruption/disruption.go), so that it blocks every eviction without anybody having meant it.",
    remedy: "set maxUnavailable: 1, or delete it",
    exceptions: "None.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for budget in snapshot.posture_budgets().filter(|it| *it.budget.rule() == Rule::None) {
        found.add(
            Error,
            &budget.subject,
            "has neither minAvailable nor maxUnavailable: it allows no eviction",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc207_budget_without_rule() {
        let rule = |rule| healthy().edit("PodDisruptionBudget/web", json!({"spec": rule}));
        cases(
            &CHECK,
            &[
                ("neither", rule(json!({"maxUnavailable": null})), &["poddisruptionbudget/web error"]),
                ("the other one", rule(json!({"maxUnavailable": null, "minAvailable": 2})), &[]),
            ],
        );
    }
}
