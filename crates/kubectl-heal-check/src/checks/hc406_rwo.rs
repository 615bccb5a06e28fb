//! HC406: replicas that share a volume of one node.

use std::collections::BTreeSet;

use super::check::{About, Check, Found};
use super::shared_volume::{waits_for_the_new_pod, with_access};
use crate::finding::Severity::Warning;
use crate::snapshot::storage::Access;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC406",
    name: "rwo",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::Autoscalers,
        Read::Claims,
    ],
    fires_when: "the pods of one template share a ReadWriteOnce claim, and there are two or more that are not all on one node, or an update makes the new pod before it stops the old one",
    why: "Such a volume is attached to one node at a time. A pod on another node waits until it is detached: about 6 min if its node is lost, and for ever if the pod that has it stays.",
    remedy: "with one replica use the strategy Recreate; for several, a ReadWriteMany volume or a StatefulSet with a claim for each",
    exceptions: "Pods that are all on the same node share it. StatefulSets have a claim for each pod.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.is_scaled() && it.replicas != Some(0)) {
        let Some(claim) = with_access(snapshot, workload, Access::OneNode) else { continue };
        let nodes: BTreeSet<&str> = workload.active().map(|pod| &*pod.node).collect();
        let replicas = workload.replicas.unwrap_or(1);
        if replicas >= 2 && nodes.len() != 1 {
            let message =
                format!("its {replicas} replicas share claim {claim}, which one node can use at a time");
            found.add(Warning, &workload.subject, message);
        } else if waits_for_the_new_pod(workload) {
            let message = format!(
                "an update makes a pod before it stops the old one, and on another node it waits for claim {claim} for ever"
            );
            found.add(Warning, &workload.subject, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, claim, deployment, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc406_rwo() {
        let volume = || json!({"spec": {"template": {"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}}}});
        let web = |mode: &str| -> World { healthy().edit("Deployment/web", volume()).with(claim("d", mode)) };
        let one = |strategy: Value| {
            healthy()
                .with(deployment("api", 1))
                .edit("Deployment/api", volume())
                .edit("Deployment/api", json!({"spec": {"strategy": strategy}}))
                .with(claim("d", "ReadWriteOnce"))
        };
        let stops_first =
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
        let together = web("ReadWriteOnce")
            .edit_all("Pod", json!({"spec": {"nodeName": "n1"}}))
            .edit("Deployment/web", json!({"spec": {"strategy": stops_first}}));
        cases(
            &CHECK,
            &[
                ("three on three nodes", web("ReadWriteOnce"), &["deployment/web warning"]),
                ("several nodes can use it", web("ReadWriteMany"), &[]),
                ("all on one node", together, &[]),
                ("one, and surge", one(json!({"type": "RollingUpdate"})), &["deployment/api warning"]),
                ("one, stopped first", one(stops_first), &[]),
                ("a database: Recreate", one(json!({"type": "Recreate"})), &[]),
            ],
        );
    }
}
