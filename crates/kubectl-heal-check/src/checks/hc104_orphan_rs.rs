//! HC104: a ReplicaSet or ReplicationController without an owner.

use cluster_model::Raw;
use cluster_model::text::count;

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::{Kind, Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC104",
    name: "orphan-rs",
    about: About::Posture,
    severities: &[Warning],
    reads: &[Read::ReplicaSets, Read::ReplicationControllers],
    fires_when: "a ReplicaSet or ReplicationController has replicas and no controller",
    why: "It replaces pods that are lost, but a new version of them is neither rolled out nor rolled back.",
    remedy: "create a Deployment with the same selector and template: it adopts the ReplicaSet and its pods",
    exceptions: "Those of Deployments, Argo Rollouts and other controllers; those with no replicas, which are history.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.kind == Kind::ReplicaSet) {
        let replicas = workload.replicas.unwrap_or_default();
        if replicas > 0 && workload.object.controller_ref().is_none() {
            let pods = count(usize::try_from(replicas).unwrap_or_default(), "replica");
            let message = format!("{pods} without a Deployment: no rollout and no rollback");
            found.add(Warning, &workload.subject, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, deployment, healthy, owner};
    use serde_json::{Value, json};

    #[test]
    fn hc104_orphan_rs() {
        let set = |kind: &str, edit: Value| -> World {
            let mut set = deployment("api", 2);
            set["kind"] = json!(kind);
            set["apiVersion"] = json!(if kind == "ReplicaSet" { "apps/v1" } else { "v1" });
            healthy().with(set).edit(&format!("{kind}/api"), edit)
        };
        let owned =
            json!({"metadata": {"ownerReferences": [owner("argoproj.io/v1alpha1", "Rollout", "api")]}});
        cases(
            &CHECK,
            &[
                ("a ReplicaSet", set("ReplicaSet", json!({})), &["replicaset/api warning"]),
                (
                    "a ReplicationController",
                    set("ReplicationController", json!({"spec": {"selector": {"app": "api"}}})),
                    &["replicationcontroller/api warning"],
                ),
                ("of an Argo Rollout", set("ReplicaSet", owned), &[]),
                ("history", set("ReplicaSet", json!({"spec": {"replicas": 0}})), &[]),
            ],
        );
    }
}
