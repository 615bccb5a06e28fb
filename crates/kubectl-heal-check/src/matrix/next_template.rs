//! Whether the next pod of a workload is made from another template than a pod that runs: where that one fits says nothing then.

use cluster_model::Raw;
use cluster_model::rollout::{Ordinals, ordinal_of};

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
    let newest = workload.object.text("/status/updateRevision");
    let Ordinals { first_updated, .. } = Ordinals::of(&workload.object.to_value());
    let is_kept =
        |pod: &PodState| ordinal_of(&workload.subject.name, &pod.name).is_some_and(|it| it < first_updated);
    let is_old = |pod: &PodState| pod.labels.get("controller-revision-hash").is_some_and(|own| own != newest);
    !newest.is_empty() && workload.active().any(|pod| is_old(pod) && !is_kept(pod))
}
