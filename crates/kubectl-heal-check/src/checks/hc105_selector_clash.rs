//! HC105: two controllers that claim the same pods.

use std::collections::BTreeMap;

use cluster_model::selector;

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::snapshot::{Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC105",
    name: "selector-clash",
    about: About::Posture,
    severities: &[Error],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "the selector of one controller selects the pods of another controller of its namespace",
    why: "A controller may adopt pods that the other one has to replace, and autoscalers and budgets count the wrong pods.",
    remedy: "make the selectors disjoint: they are immutable, so recreate one of the two with other labels",
    exceptions: "The ReplicaSets of one Deployment.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let mut by_namespace: BTreeMap<&str, Vec<&Workload>> = BTreeMap::new();
    for workload in snapshot.workloads.iter().filter(|it| it.runs_for_good()) {
        by_namespace.entry(&workload.subject.namespace).or_default().push(workload);
    }
    for workload in snapshot.posture().filter(|it| it.runs_for_good()) {
        let others = by_namespace.get(workload.subject.namespace.as_str()).into_iter().flatten();
        let clash = others.filter(|it| it.uid != workload.uid).find(|it| claims(workload, it));
        if let Some(other) = clash {
            let message = format!("its selector also selects the pods of {}", other.subject);
            found.add(Error, &workload.subject, message);
        }
    }
}

fn claims(workload: &Workload, other: &Workload) -> bool {
    let selector = workload.selector();
    selector::selects(selector.as_ref(), Some(&other.labels()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, deployment, healthy};
    use serde_json::json;

    #[test]
    fn hc105_selector_clash() {
        let other = |edit| healthy().with(deployment("api", 1)).edit("Deployment/api", edit);
        let labels = json!({"spec": {"template": {"metadata": {"labels": {"app": "web", "tier": "api"}}}}});
        let not_api = json!({"spec": {"selector": {"matchLabels": null, "matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["x"]}]}}});
        let mut elsewhere = labels.clone();
        elsewhere["metadata"] = json!({"namespace": "other"});
        cases(
            &CHECK,
            &[
                ("labels of another's pods", other(labels), &["deployment/web error"]),
                ("an expression", other(not_api), &["deployment/api error"]),
                ("another namespace", other(elsewhere), &[]),
                ("disjoint", other(json!({})), &[]),
            ],
        );
    }
}
