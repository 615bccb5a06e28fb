//! HC205: a disruption budget that selects nothing.

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC205",
    name: "budget-without-pods",
    about: About::Posture,
    severities: &[Warning],
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
    fires_when: "a PodDisruptionBudget selects no pod and no pod template of its namespace",
    why: "It protects nothing.",
    remedy: "correct its selector or its namespace, or delete it",
    exceptions: "A workload that is scaled to zero still has its template.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for budget in snapshot.posture_budgets().filter(|it| it.pods == 0 && it.templates == 0) {
        let elsewhere = snapshot.workloads.iter().find(|it| {
            budget.budget.selector().is_some()
                && it.runs_for_good()
                && budget.budget.selects_labels(&it.labels())
        });
        let meant = elsewhere.map_or(String::new(), |it| {
            format!("; in namespace {} it would select those of {}", it.subject.namespace, it.subject)
        });
        found.add(Warning, &budget.subject, format!("selects no pods{meant}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc205_budget_without_pods() {
        let world = || {
            healthy().edit(
                "PodDisruptionBudget/web",
                json!({"spec": {"selector": {"matchLabels": {"app": "wbe"}}}}),
            )
        };
        let cron = json!({"kind": "CronJob", "metadata": {"namespace": "shop", "name": "night", "uid": "cron"}, "spec": {"jobTemplate": {"spec": {
            "template": {"metadata": {"labels": {"app": "wbe"}}, "spec": {"containers": []}}}}}});
        let elsewhere =
            healthy().edit("PodDisruptionBudget/web", json!({"metadata": {"namespace": "other"}}));
        assert!(
            elsewhere.message(&CHECK).ends_with("in namespace shop it would select those of deployment/web")
        );
        let pods = |world: crate::checks::testing::World| {
            world.without("Pod/web-a").without("Pod/web-b").without("Pod/web-c")
        };
        let zero = healthy().edit("Deployment/web", json!({"spec": {"replicas": 0}}));
        let cases_ = [
            ("a wrong label", world(), &["poddisruptionbudget/web warning"][..]),
            ("a CronJob's template", world().with(cron), &[]),
        ];
        cases(&CHECK, &cases_);
        assert_eq!(pods(zero).found(&CHECK), [""; 0], "scaled to zero");
    }
}
