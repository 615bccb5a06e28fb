//! HC408: a volume that keeps a pod where there is no room.

use super::check::{About, Check, Found};
use super::displaced::{UNKNOWN, by_node};
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC408",
    name: "zonal-pv",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::Claims,
        Read::Volumes,
    ],
    fires_when: "a pod's PersistentVolume can be used in one zone or on some nodes only, and the others of these have no room for the pod if its node is lost or drained",
    why: "The replacement cannot leave the zone of its volume: it stays Pending until there is room in that zone.",
    remedy: "add a node, or room, in the zone of the volume",
    exceptions: "A node autoscaler may add a node in that zone. Volumes of a single node are HC405.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    if snapshot.scheduling.seen().is_none() {
        return found.unknown(UNKNOWN);
    }
    for workload in snapshot.posture().filter(|it| it.is_scaled()) {
        let Some(displaced) = by_node(workload, snapshot).filter(|it| it.refusal.is_by_volume) else {
            continue;
        };
        let message = format!(
            "without node {} its pod {} has no place where its volume can be used: {}",
            displaced.pod.node, displaced.pod.name, displaced.refusal
        );
        found.add(Warning, &workload.subject, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, claim, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc408_zonal_pv() {
        let volume =
            json!({"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}});
        let web = |of_volume: Value, of_n2: &str| -> World {
            let pv = json!({"kind": "PersistentVolume", "metadata": {"name": "pv-d", "labels": of_volume}, "spec": {"nfs": {"path": "/", "server": "x"}}, "status": {"phase": "Bound"}});
            healthy()
                .edit("Pod/web-a", volume.clone())
                .edit("Node/n2", json!({"metadata": {"labels": {"topology.kubernetes.io/zone": of_n2}}}))
                .with(claim("d", "ReadWriteOnce"))
                .with(pv)
        };
        let of_zone = || json!({"topology.kubernetes.io/zone": "a"});
        let full = json!({"status": {"allocatable": {"pods": "1"}}});
        let all_full = healthy().edit_all("Node", full.clone());
        cases(
            &CHECK,
            &[
                ("no other node of its zone", web(of_zone(), "b"), &["deployment/web warning"]),
                ("another node of its zone", web(of_zone(), "a"), &[]),
                (
                    "another node that is full",
                    web(of_zone(), "a").edit("Node/n2", full),
                    &["deployment/web warning"],
                ),
                ("no room, and no volume: HC414", all_full, &[]),
                ("a volume of every zone", web(json!({}), "b"), &[]),
            ],
        );
    }
}
