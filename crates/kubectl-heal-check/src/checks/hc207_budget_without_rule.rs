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
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::Budgets,
    ],
    fires_when: "a PodDisruptionBudget that selects pods which drains evict has neither minAvailable nor maxUnavailable",
    why: "Its controller expects no pods then and allows no disruption (pkg/controller/disruption/disruption.go), so that it blocks every eviction without anybody having meant it.",
    remedy: "set maxUnavailable: 1, or delete it",
    exceptions: "Budgets that select no such pods: without any it is HC205.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let without_rule = snapshot.posture_budgets().filter(|it| *it.budget.rule() == Rule::None);
    for budget in without_rule.filter(|it| snapshot.counts_for_drains(it)) {
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
                (
                    "no pods",
                    rule(json!({"maxUnavailable": null, "selector": {"matchLabels": {"app": "x"}}})),
                    &[],
                ),
                ("the other one", rule(json!({"maxUnavailable": null, "minAvailable": 2})), &[]),
            ],
        );
    }
}
