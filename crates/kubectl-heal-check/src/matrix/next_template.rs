//! Whether the next pod of a workload is another one than those that run: where they fit, and that they start, says nothing then.

use cluster_model::Raw;
use cluster_model::rollout::{Ordinals, ordinal_of};
use k8s_openapi::jiff::Timestamp;

use super::placement::Placement;
use crate::snapshot::strip::WRITTEN;
use crate::snapshot::workload::requirements;
use crate::snapshot::{Kind, PodState, Snapshot, Workload, admission};

pub fn difference(
    workload: &Workload,
    snapshot: &Snapshot,
    placement: Option<&Placement<'_>>,
) -> Option<&'static str> {
    let is_newer = match workload.kind {
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
    };
    if is_newer {
        return Some("it is made from a newer template than one that runs");
    }
    if workload.kind == Kind::ReplicaSet && may_have_changed(workload) {
        return Some("its template may have been changed since a pod that runs was made");
    }
    is_admitted_otherwise(workload, snapshot, placement)
        .then_some("a LimitRange or its RuntimeClass, changed since, makes it another one than one that runs")
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

/// What its environment and commands were is not kept. Its generation counts changes of its replicas as well; what is written through
/// `scale` does not count, and what it was made with neither. A dump may have no managedFields.
fn may_have_changed(workload: &Workload) -> bool {
    let object = &workload.object;
    if object.number("/metadata/generation").is_none_or(|it| it < 2) {
        return false;
    }
    let Some(written) = object.time(&format!("/{WRITTEN}")) else { return true };
    let is_first = object.time("/metadata/creationTimestamp").is_some_and(|made| written <= made);
    !is_first && workload.active().any(|pod| is_older(pod, written))
}

/// Times have whole seconds.
fn is_older(pod: &PodState, written: Timestamp) -> bool {
    pod.created.is_none_or(|made| made <= written)
}

fn is_admitted_otherwise(
    workload: &Workload,
    snapshot: &Snapshot,
    placement: Option<&Placement<'_>>,
) -> bool {
    let (Some(placement), Some(spec)) = (placement, admission::completed(workload, snapshot)) else {
        return false;
    };
    // What else was added to a pod, as by a webhook, is none of this difference.
    let written = admission::written(workload, snapshot);
    let mut older = workload.active().filter(|pod| written.is_none_or(|at| is_older(pod, at))).peekable();
    if older.peek().is_none() {
        return false;
    }
    let wanted = requirements(spec);
    older.any(|pod| !placement.is_like(&pod.uid, &wanted))
}
