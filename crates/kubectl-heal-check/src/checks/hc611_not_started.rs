//! HC611: a pod that has a node and does not start there.

use cluster_model::text::{count, span};

use super::check::{About, Check, Found};
use super::commands::describe;
use super::hc704_under_replicated::NO_LONGER_STARTING;
use super::waiting::because;
use crate::finding::Severity::Error;
use crate::snapshot::pod::Phase;
use crate::snapshot::{Event, PodState, Read, Reason, Snapshot};

pub const CHECK: Check = Check {
    id: "HC611",
    name: "not-started",
    about: About::Now,
    severities: &[Error],
    reads: &[
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::Events,
    ],
    fires_when: "a pod has been on a node that is Ready for five minutes and the kubelet reports none of its containers, or they are being created and events say that a volume or the sandbox fails",
    why: "Only the kubelet of that node can start it: no controller moves a pod that has a node.",
    remedy: "kubectl describe pod POD shows what the kubelet waits for; kubectl delete pod POD lets its controller make another one, which may go elsewhere",
    exceptions: "Images that are being pulled, and init containers that run: without an event of a failure nothing is said. Images that cannot be pulled are HC604, and nodes that are not Ready HC801.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected() {
        let stuck: Vec<(&PodState, i64, String)> =
            workload.active().filter_map(|pod| stuck(pod, snapshot)).collect();
        let Some((pod, seconds, why)) = stuck.iter().max_by_key(|(_, seconds, _)| *seconds) else { continue };
        let which = match workload.active().count() {
            1 => String::new(),
            all => format!("{} of {}: ", stuck.len(), count(all, "pod")),
        };
        let message = format!(
            "{which}{} has been on {} for {} and was not started{why}",
            pod.name,
            pod.node,
            span(*seconds)
        );
        let remedy = describe(pod);
        found.add_with(Error, &workload.subject, message, remedy);
    }
}

/// For how long, and why.
fn stuck<'s>(pod: &'s PodState, snapshot: &Snapshot) -> Option<(&'s PodState, i64, String)> {
    let is_up = snapshot.node(&pod.node).is_some_and(|_| !snapshot.is_down(&pod.node));
    // The kubelet itself makes mirror pods, of what it has started.
    if pod.phase != Phase::Pending || pod.is_mirror || !is_up {
        return None;
    }
    let seconds = snapshot.seconds_since(pod.scheduled?);
    if seconds <= NO_LONGER_STARTING {
        return None;
    }
    let is_created = |reason: &str| matches!(reason, "ContainerCreating" | "PodInitializing");
    let waiting = |it: &crate::snapshot::pod::Container| {
        it.waiting.as_ref().is_some_and(|waiting| is_created(&waiting.reason))
    };
    match (pod.containers.is_empty(), pod.containers.iter().all(waiting)) {
        (true, _) => {
            let why =
                failure(pod, snapshot).unwrap_or(": its kubelet has not said anything about it".to_owned());
            Some((pod, seconds, why))
        }
        (false, true) => Some((pod, seconds, failure(pod, snapshot)?)),
        (false, false) => None,
    }
}

/// The last one that an event tells.
fn failure(pod: &PodState, snapshot: &Snapshot) -> Option<String> {
    let reasons = [Reason::FailedMount, Reason::FailedAttachVolume, Reason::FailedCreatePodSandBox];
    let events = reasons.into_iter().flat_map(|reason| snapshot.events_of(&pod.uid, reason));
    let last: &Event = events.max_by_key(|event| event.last)?;
    Some(format!(": {}{}", last.reason.word(), because(&last.message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, container, event, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc611_not_started() {
        let bound = |at: &str| json!({"status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at}]}});
        let pending = |at: &str, statuses: Value| {
            healthy()
                .edit("Pod/web-a", bound(at))
                .edit("Pod/web-a", json!({"status": {"containerStatuses": statuses}}))
        };
        let long_ago = "2026-01-01T23:50:00Z";
        let creating = |reason: &str| -> World {
            let waiting = json!({"state": {"running": null, "waiting": {"reason": reason}}});
            healthy().edit("Pod/web-a", container(waiting)).edit("Pod/web-a", bound(long_ago))
        };
        let failed = |reason: &str| {
            event("pod-web-a", reason, "Unable to attach or mount volumes: timed out", "2026-01-01T23:58:00Z")
        };
        let down = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
        let fires: &[&str] = &["deployment/web error"];
        cases(
            &CHECK,
            &[
                ("for ten minutes", pending(long_ago, json!([])), fires),
                ("for a minute", pending("2026-01-01T23:59:00Z", json!([])), &[]),
                ("its node is down", pending(long_ago, json!([])).edit("Node/n1", down), &[]),
                ("its node is gone", pending(long_ago, json!([])).without("Node/n1"), &[]),
                ("an image is being pulled", creating("ContainerCreating"), &[]),
                ("a volume is not mounted", creating("ContainerCreating").with(failed("FailedMount")), fires),
                ("none is attached", creating("PodInitializing").with(failed("FailedAttachVolume")), fires),
                ("no sandbox", creating("ContainerCreating").with(failed("FailedCreatePodSandBox")), fires),
                ("HC604", creating("ImagePullBackOff").with(failed("FailedMount")), &[]),
                ("it runs", healthy().with(failed("FailedMount")), &[]),
            ],
        );
        assert_eq!(
            creating("ContainerCreating").with(failed("FailedMount")).message(&CHECK),
            "1 of 3 pods: web-a has been on n1 for 10m and was not started: FailedMount: Unable to attach or mount volumes: timed out"
        );
        assert!(
            pending(long_ago, json!([]))
                .message(&CHECK)
                .ends_with("its kubelet has not said anything about it")
        );
    }
}
