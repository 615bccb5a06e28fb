//! HC206: pods that several disruption budgets select.

use std::collections::BTreeSet;

use cluster_model::selector;

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::snapshot::{Kind, Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC206",
    name: "budgets-overlap",
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
    fires_when: "more than one PodDisruptionBudget selects the same pod",
    why: "The server answers every eviction of the pod with an error (500), so no drain of its node can finish.",
    remedy: "keep one of the budgets",
    exceptions: "Budgets that select different pods of one workload; DaemonSets, whose pods no drain evicts; pods that are Pending, finished or terminating, which are evicted whatever budgets say.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.budgets.len() > 1 && it.kind != Kind::DaemonSet) {
        let template = workload.makes_evictable_pods().then(|| workload.labels());
        let evicted = workload.active().filter(|pod| pod.needs_budget()).map(|pod| &*pod.labels);
        let labels = template.iter().chain(evicted);
        let most: BTreeSet<&str> = labels
            .map(|labels| {
                let budgets = workload.budgets.iter().map(|at| &snapshot.budgets[*at].budget);
                let selecting = budgets.filter(|it| selector::selects(it.selector(), Some(labels)));
                selecting.map(|it| it.name()).collect::<BTreeSet<_>>()
            })
            .max_by_key(BTreeSet::len)
            .unwrap_or_default();
        if most.len() > 1 {
            let names: Vec<&str> = most.into_iter().collect();
            let message =
                format!("its pods are selected by budgets {}: every eviction fails", names.join(", "));
            found.add(Error, &workload.subject, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{budget, cases, healthy, pod};
    use serde_json::json;

    #[test]
    fn hc206_budgets_overlap() {
        let second = |edit| {
            healthy().with(budget("all", json!({"maxUnavailable": 1}))).edit("PodDisruptionBudget/all", edit)
        };
        let mut others = Vec::new();
        for name in ["one", "two"] {
            let mut budget = budget(name, json!({"maxUnavailable": 1}));
            budget["spec"]["selector"] = json!({"matchLabels": {"app": "tool"}});
            others.push(budget);
        }
        let bare =
            |edit| healthy().with_all(others.clone()).with(pod("tool", "tool", "n1")).edit("Pod/tool", edit);
        let empty = json!({"spec": {"selector": {"matchLabels": null}}});
        cases(
            &CHECK,
            &[
                ("A5: two", second(json!({})), &["deployment/web error"]),
                ("an empty selector", second(empty), &["deployment/web error"]),
                ("other pods", second(json!({"spec": {"selector": {"matchLabels": {"app": "api"}}}})), &[]),
                ("another namespace", second(json!({"metadata": {"namespace": "other"}})), &[]),
                ("a pod without a controller that is selected twice", bare(json!({})), &["pod/tool error"]),
                ("Pending", bare(json!({"status": {"phase": "Pending"}})), &[]),
                ("Succeeded", bare(json!({"status": {"phase": "Succeeded"}})), &[]),
                (
                    "terminating",
                    bare(json!({"metadata": {"deletionTimestamp": "2026-01-02T00:00:10Z"}})),
                    &[],
                ),
                (
                    "scaled to zero",
                    second(json!({}))
                        .edit("Deployment/web", json!({"spec": {"replicas": 0}}))
                        .without("Pod/web-a")
                        .without("Pod/web-b")
                        .without("Pod/web-c"),
                    &[],
                ),
                (
                    "a pod without a controller",
                    second(json!({"spec": {"selector": {"matchLabels": {"app": "tool"}}}}))
                        .with(pod("tool", "tool", "n1")),
                    &[],
                ),
            ],
        );
    }
}
