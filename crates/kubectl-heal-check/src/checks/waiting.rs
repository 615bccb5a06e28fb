//! Containers that wait for a reason of the kubelet (`pkg/kubelet/images/types.go`, `pkg/kubelet/kuberuntime/kuberuntime_container.go`).

use cluster_model::text::count;

use crate::snapshot::pod::{Container, PodState, Waiting};
use crate::snapshot::{Snapshot, Workload};

/// How many pods that are meant to run have a container whose reason is one of these.
pub fn pods(workload: &Workload, is_meant: impl Fn(&PodState, &Waiting) -> bool) -> usize {
    let waits = |pod: &&PodState| {
        pod.containers.iter().filter_map(|it| it.waiting.as_ref()).any(|waiting| is_meant(pod, waiting))
    };
    workload.active().filter(waits).count()
}

/// The first container of the pods that are meant to run whose reason is one of these, with its pod.
pub fn first(
    workload: &Workload,
    is_meant: impl Fn(&PodState, &Waiting) -> bool,
) -> Option<(&PodState, &Container, &Waiting)> {
    workload.active().find_map(|pod| {
        pod.containers.iter().find_map(|container| {
            let waiting = container.waiting.as_deref()?;
            is_meant(pod, waiting).then_some((pod, container, waiting))
        })
    })
}

/// It has been on its node for longer than this. Containers do not say since when they wait.
pub fn is_older(pod: &PodState, snapshot: &Snapshot, seconds: i64) -> bool {
    pod.scheduled.is_none_or(|at| snapshot.seconds_since(at) > seconds)
}

/// `2 of 3 pods: container main of web-a: ImagePullBackOff: message`; `pods`: for how many of the workload it is so.
pub fn message(
    workload: &Workload,
    pods: usize,
    (pod, container, waiting): (&PodState, &Container, &Waiting),
) -> String {
    let which = match workload.active().count() {
        1 => String::new(),
        all => format!("{pods} of {}: ", count(all, "pod")),
    };
    format!(
        "{which}container {} of {}: {}{}",
        container.name,
        pod.name,
        waiting.reason,
        because(&without_arguments(&waiting.message))
    )
}

/// A runtime that cannot start a command quotes it, as in `exec: "app --token x": no such file`: of what it quotes the first word stays.
fn without_arguments(message: &str) -> String {
    let Some((before, rest)) = message.split_once("exec: \"") else { return message.to_owned() };
    let (command, after) = rest.split_once("\":").unwrap_or((rest, ""));
    match command.split_once(' ') {
        Some((program, _)) => format!("{before}exec: \"{program} …\":{after}"),
        None => message.to_owned(),
    }
}

/// `: message`, or nothing.
pub fn because(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {}", cluster_model::text::shorten(message, 200))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_command_that_does_not_start_the_first_word_is_shown() {
        for (message, expected) in [
            ("exec: \"app --key x\": not found", "exec: \"app …\": not found"),
            ("exec: \"app\": not found", "exec: \"app\": not found"),
            ("exec: \"app x", "exec: \"app …\":"),
            ("secret \"db\" not found", "secret \"db\" not found"),
        ] {
            assert_eq!(without_arguments(message), expected, "{message}");
        }
    }
}
