//! HC203: no disruption budget.

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC203",
    name: "no-budget",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::Autoscalers,
        Read::Budgets,
    ],
    fires_when: "a workload with two or more replicas is selected by no PodDisruptionBudget of its namespace",
    why: "Drains of several nodes may evict all of its pods at the same time.",
    remedy: "create a PodDisruptionBudget with maxUnavailable: 1 and the workload's selector",
    exceptions: "DaemonSets, Jobs, and workloads with one replica, which a budget could only block.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.is_scaled()) {
        let labels = workload.labels();
        // Its pods may still have the labels of an older template; what is asked here is about the next ones.
        let covers = |at: &usize| snapshot.budgets[*at].budget.selects_labels(&labels);
        if workload.least() >= 2 && !workload.budgets.iter().any(covers) {
            found.add(
                Warning,
                &workload.subject,
                "no disruption budget selects its pods: drains may evict all of them at once",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc203_no_budget() {
        let selector = |selector: Value| {
            healthy()
                .edit("PodDisruptionBudget/web", json!({"spec": {"selector": null}}))
                .edit("PodDisruptionBudget/web", json!({"spec": {"selector": selector}}))
        };
        let agent = json!({"kind": "DaemonSet", "metadata": {"namespace": "shop", "name": "agent", "uid": "ds"},
            "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": []}}}});
        cases(
            &CHECK,
            &[
                ("none", healthy().without("PodDisruptionBudget/web"), &["deployment/web warning"]),
                (
                    "A1: of another namespace",
                    healthy().edit("PodDisruptionBudget/web", json!({"metadata": {"namespace": "other"}})),
                    &["deployment/web warning"],
                ),
                (
                    "A2: by expressions",
                    selector(
                        json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}),
                    ),
                    &[],
                ),
                (
                    "A3: one label of two",
                    selector(json!({"matchLabels": {"app": "web", "tier": "x"}})),
                    &["deployment/web warning"],
                ),
                ("A4: an empty selector", selector(json!({})), &[]),
                ("A4: no selector", selector(json!(null)), &["deployment/web warning"]),
                ("A6: a DaemonSet", healthy().with(agent), &[]),
                (
                    "one replica",
                    healthy()
                        .without("PodDisruptionBudget/web")
                        .edit("Deployment/web", json!({"spec": {"replicas": 1}})),
                    &[],
                ),
            ],
        );
    }
}
