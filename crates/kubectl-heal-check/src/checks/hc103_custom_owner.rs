//! HC103: pods that an operator recreates, while it runs.

use super::check::{About, Check, Found};
use crate::finding::Severity::{Info, Warning};
use crate::snapshot::{Kind, Read, Recreated, Snapshot, Workload};

/// Groups of kinds that own pods, and a part of the name of the Deployment that looks after them.
const OPERATORS: [(&str, &str); 8] = [
    ("postgresql.cnpg.io", "cloudnative-pg"),
    ("postgresql.cnpg.io", "cnpg-controller-manager"),
    ("core.strimzi.io", "strimzi-cluster-operator"),
    ("argoproj.io", "workflow-controller"),
    ("tekton.dev", "tekton-pipelines-controller"),
    ("kubevirt.io", "virt-controller"),
    ("ray.io", "kuberay-operator"),
    ("sparkoperator.k8s.io", "spark-operator"),
];

pub const CHECK: Check = Check {
    id: "HC103",
    name: "custom-owner",
    about: About::Posture,
    severities: &[Warning, Info],
    reads: &[Read::Pods, Read::Deployments],
    fires_when: "the controller of pods is of a kind that is not Kubernetes' own; a warning if its operator was found and has no ready pod",
    why: "No controller of Kubernetes recreates these pods: that is left to the operator of the kind, and only while it runs.",
    remedy: "make sure that the operator runs, with more than one replica if it elects a leader",
    exceptions: "An operator that is not known here is not found, which says nothing about it; neither is one in a namespace that was not read. ReplicaSets and StatefulSets that an operator made recreate their pods themselves.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.recreated == Recreated::ByOperator) {
        let owner = workload.active().find_map(|pod| pod.controller.as_ref());
        let Some(group) = owner.map(|it| it.api_version.split_once('/').map_or("", |(group, _)| group))
        else {
            continue;
        };
        let kind = &workload.subject.kind;
        match operator(snapshot, group) {
            Some(operator) if operator.ready().next().is_none() => {
                let message = format!(
                    "only the operator of {kind} ({group}) recreates its pods, and {} in namespace {} has no ready pod",
                    operator.subject, operator.subject.namespace
                );
                found.add(Warning, &workload.subject, message);
            }
            operator => {
                let which = operator.map_or(format!("of {kind} ({group})"), |it| it.subject.to_string());
                let message =
                    format!("only its operator, {which}, recreates its pods, and only while it runs");
                found.add(Info, &workload.subject, message);
            }
        }
    }
}

fn operator<'s>(snapshot: &'s Snapshot, group: &str) -> Option<&'s Workload> {
    let is_it = |it: &&Workload| {
        let name = &it.subject.name;
        it.kind == Kind::Deployment && OPERATORS.iter().any(|(of, part)| *of == group && name.contains(part))
    };
    snapshot.workloads.iter().find(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, deployment, healthy, owner, pod};
    use serde_json::json;

    #[test]
    fn hc103_custom_owner() {
        let owned = |api_version: &str, kind: &str| -> World {
            let owners = json!({"metadata": {"ownerReferences": [owner(api_version, kind, "db")]}});
            healthy().with(pod("db-1", "db", "n1")).edit("Pod/db-1", owners)
        };
        let cluster = || owned("postgresql.cnpg.io/v1", "Cluster");
        let operator = || deployment("my-cloudnative-pg", 1);
        let mut running = pod("cnpg", "my-cloudnative-pg", "n2");
        running["metadata"]["ownerReferences"] = json!([owner("apps/v1", "Deployment", "my-cloudnative-pg")]);
        cases(
            &CHECK,
            &[
                ("its operator is not known", owned("example.com/v1", "Db"), &["db/db info"]),
                ("its operator was not found", cluster(), &["cluster/db info"]),
                ("its operator has no pod", cluster().with(operator()), &["cluster/db warning"]),
                ("its operator runs", cluster().with(operator()).with(running), &["cluster/db info"]),
                ("a built-in owner that is gone", owned("apps/v1", "ReplicaSet"), &[]),
                ("finished", cluster().edit("Pod/db-1", json!({"status": {"phase": "Succeeded"}})), &[]),
            ],
        );
    }
}
