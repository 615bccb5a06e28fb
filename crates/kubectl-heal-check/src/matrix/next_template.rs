//! Whether the next pod of a workload is made from another template than a pod that runs: where that one fits says nothing then.

use cluster_model::Raw;

use super::placement::Placement;
use crate::snapshot::{Kind, PodState, Workload};

pub fn differs(workload: &Workload, placement: Option<&Placement<'_>>) -> bool {
    match workload.kind {
        Kind::StatefulSet => has_pods_to_update(workload),
        Kind::DaemonSet => {
            let count = |field: &str| workload.object.number(field);
            count("/status/updatedNumberScheduled") < count("/status/currentNumberScheduled")
        }
        // It has no revisions: the pods stay as they are until they are deleted.
        Kind::ReplicaSet => placement.is_some_and(|placement| {
            workload.active().any(|pod| !placement.is_like(&pod.uid, workload.requirements()))
        }),
        // The pods of a Deployment are those of ReplicaSets, each with the template of its own.
        Kind::Deployment | Kind::Job | Kind::Pod | Kind::Other => false,
    }
}

/// A pod below the partition keeps its revision when it is made again (`pkg/controller/statefulset/stateful_set_utils.go`,
/// newVersionedStatefulSetPod).
fn has_pods_to_update(workload: &Workload) -> bool {
    let object = &workload.object;
    let newest = object.text("/status/updateRevision");
    let kept = match object.text("/spec/updateStrategy/type") {
        "OnDelete" => 0,
        _ => object.number("/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0),
    };
    let first = object.number("/spec/ordinals/start").unwrap_or(0);
    let is_kept = |pod: &PodState| {
        let ordinal = pod.name.rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse::<i64>().ok());
        ordinal.is_some_and(|ordinal| ordinal - first < kept)
    };
    let is_old = |pod: &PodState| pod.labels.get("controller-revision-hash").is_some_and(|own| own != newest);
    !newest.is_empty() && workload.active().any(|pod| is_old(pod) && !is_kept(pod))
}
