//! HC407: a volume of one pod, and an update or replicas that need it twice.

use super::check::{About, Check, Found};
use super::shared_volume::{waits_for_the_new_pod, with_access};
use crate::finding::Severity::Error;
use crate::snapshot::storage::Access;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC407",
    name: "rwop",
    about: About::Posture,
    severities: &[Error],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::Autoscalers,
        Read::Claims,
    ],
    fires_when: "the pods of one template share a ReadWriteOncePod claim, and there are two or more, or an update makes the new pod before it stops the old one",
    why: "The scheduler places no second pod that uses the claim (VolumeRestrictions): it stays Pending, and the update never ends.",
    remedy: "run one replica with the strategy Recreate, or use another access mode",
    exceptions: "Updates that stop the old pod first.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.is_scaled() && it.replicas != Some(0)) {
        let Some(claim) = with_access(snapshot, workload, Access::OnePod) else { continue };
        let replicas = workload.replicas.unwrap_or(1);
        if replicas >= 2 {
            let message =
                format!("its {replicas} replicas share claim {claim}, which one pod can use at a time");
            found.add(Error, &workload.subject, message);
        } else if waits_for_the_new_pod(workload) {
            let message =
                format!("an update never ends: its new pod waits for claim {claim}, which the old one keeps");
            found.add(Error, &workload.subject, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, claim, deployment, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc407_rwop() {
        let volume = json!({"spec": {"template": {"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}}}});
        let api = |replicas: i64, mode: &str, strategy: Value| -> World {
            healthy()
                .with(deployment("api", replicas))
                .edit("Deployment/api", volume.clone())
                .edit("Deployment/api", json!({"spec": {"strategy": strategy}}))
                .with(claim("d", mode))
        };
        let rolling = || json!({"type": "RollingUpdate"});
        let fires: &[&str] = &["deployment/api error"];
        cases(
            &CHECK,
            &[
                ("surge", api(1, "ReadWriteOncePod", rolling()), fires),
                ("another mode", api(1, "ReadWriteOnce", rolling()), &[]),
                ("Recreate", api(1, "ReadWriteOncePod", json!({"type": "Recreate"})), &[]),
                ("two replicas", api(2, "ReadWriteOncePod", json!({"type": "Recreate"})), fires),
            ],
        );
    }
}
