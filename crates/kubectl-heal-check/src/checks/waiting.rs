//! Containers that wait for a reason of the kubelet (`pkg/kubelet/images/types.go`, `pkg/kubelet/kuberuntime/kuberuntime_container.go`).

use crate::snapshot::pod::{Container, PodState, Waiting};
use crate::snapshot::{Snapshot, Workload};

/// The first container of the pods that are meant to run whose reason is one of these, with its pod.
pub fn first(
    workload: &Workload,
    is_meant: impl Fn(&PodState, &Waiting) -> bool,
) -> Option<(&PodState, &Container, &Waiting)> {
    workload.active().find_map(|pod| {
        pod.containers.iter().find_map(|container| {
            let waiting = container.waiting.as_ref()?;
            is_meant(pod, waiting).then_some((pod, container, waiting))
        })
    })
}

/// It has been on its node for longer than this. Containers do not say since when they wait.
pub fn is_older(pod: &PodState, snapshot: &Snapshot, seconds: i64) -> bool {
    pod.scheduled.is_none_or(|at| snapshot.seconds_since(at) > seconds)
}

/// `container main of web-a: ImagePullBackOff: message`
pub fn message(pod: &PodState, container: &Container, waiting: &Waiting) -> String {
    format!("container {} of {}: {}{}", container.name, pod.name, waiting.reason, because(&waiting.message))
}

/// `: message`, or nothing.
pub fn because(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {}", cluster_model::text::shorten(message, 200))
    }
}
