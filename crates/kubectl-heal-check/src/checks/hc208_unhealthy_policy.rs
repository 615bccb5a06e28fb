//! HC208: a disruption budget that keeps broken pods where they are.

use cluster_model::{BudgetStatus, selector};

use super::check::{About, Check, Found};
use super::crashing::of;
use crate::finding::Severity::{Info, Warning};
use crate::snapshot::{Kind, Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC208",
    name: "pdb-unhealthy-policy",
    about: About::Now,
    severities: &[Warning, Info],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::Budgets,
    ],
    fires_when: "a PodDisruptionBudget with the policy IfHealthyBudget, the default, selects a pod in a crash loop: a warning if it has too few healthy pods, so that no drain can evict this one",
    why: "While fewer pods are healthy than the budget requires, even pods that do not serve cannot be evicted, and their node cannot be drained.",
    remedy: "set unhealthyPodEvictionPolicy: AlwaysAllow, which lets drains evict pods that are not Ready",
    exceptions: "Information only if all of its pods are of StatefulSets: a quorum may need a pod back where it was. Budgets that their controller has not computed yet.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for budget in snapshot.selected_budgets().filter(|it| !it.budget.always_allows_unhealthy()) {
        let rules = &budget.budget;
        if matches!(rules.status(), BudgetStatus::Stale | BudgetStatus::SyncFailed(_)) {
            continue;
        }
        let drained = || snapshot.of_budget(budget).filter(|it| it.kind != Kind::DaemonSet);
        let broken = drained().flat_map(|it| it.active()).find(|pod| {
            pod.needs_budget()
                && !pod.is_ready
                && selector::selects(rules.selector(), Some(&pod.labels))
                && of(pod, snapshot).is_some()
        });
        let Some(pod) = broken else { continue };
        let may_be_quorum = drained().all(|it| it.kind == Kind::StatefulSet);
        // The API server's rule (pkg/registry/core/pod/storage/eviction.go): it passes while the others satisfy the budget.
        let blocks = rules.desired == 0 || rules.healthy < rules.desired;
        let (severity, message) = if blocks {
            let message = format!(
                "{} is in a crash loop and cannot be evicted: {} healthy of {} required, and IfHealthyBudget",
                pod.name, rules.healthy, rules.desired
            );
            (if may_be_quorum { Info } else { Warning }, message)
        } else {
            let message = format!(
                "{} is in a crash loop: with IfHealthyBudget it can be evicted only as long as {} others are healthy",
                pod.name, rules.desired
            );
            (Info, message)
        };
        found.add(severity, &budget.subject, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, budget, cases, container, healthy, not_ready, stateful_set};
    use serde_json::json;

    #[test]
    fn hc208_unhealthy_policy() {
        let loops =
            || container(json!({"state": {"running": null, "waiting": {"reason": "CrashLoopBackOff"}}}));
        let crashing = |healthy_pods: i64| -> World {
            healthy().edit("Pod/web-a", not_ready()).edit("Pod/web-a", loops()).edit(
                "PodDisruptionBudget/web",
                json!({"status": {"disruptionsAllowed": 0, "currentHealthy": healthy_pods}}),
            )
        };
        let always = json!({"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}});
        let mut of_db = budget("db", json!({"maxUnavailable": 1}));
        of_db["spec"]["selector"] = json!({"matchLabels": {"app": "db"}});
        of_db["status"]["currentHealthy"] = json!(1);
        let quorum = healthy()
            .with_all(stateful_set("db", 3))
            .with(of_db)
            .edit("Pod/db-0", not_ready())
            .edit("Pod/db-0", loops());
        cases(
            &CHECK,
            &[
                ("too few are healthy", crashing(1), &["poddisruptionbudget/web warning"]),
                ("enough are healthy", crashing(2), &["poddisruptionbudget/web info"]),
                ("a quorum", quorum, &["poddisruptionbudget/db info"]),
                ("AlwaysAllow", crashing(1).edit("PodDisruptionBudget/web", always), &[]),
                (
                    "Pending: eviction skips the budget",
                    crashing(1).edit("Pod/web-a", json!({"status": {"phase": "Pending"}})),
                    &[],
                ),
                (
                    "not computed yet",
                    crashing(1).edit("PodDisruptionBudget/web", json!({"metadata": {"generation": 2}})),
                    &[],
                ),
            ],
        );
    }
}
