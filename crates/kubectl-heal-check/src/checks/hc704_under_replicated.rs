//! HC704: fewer pods than wanted.

use cluster_model::Raw;
use cluster_model::text::span;

use super::check::{About, Check, Found};
use super::waiting::first;
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::pod::PodState;
use crate::snapshot::{Kind, Read, Snapshot, Workload};

/// Pods that are not Ready for longer are not just starting.
pub const NO_LONGER_STARTING: i64 = 300;

pub const CHECK: Check = Check {
    id: "HC704",
    name: "under-replicated",
    about: About::Now,
    severities: &[Error, Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
    ],
    fires_when: "a Deployment, StatefulSet or ReplicaSet has fewer available pods than replicas: a warning if it was made less than five minutes ago; after that an error if none is available; if some are, a warning while an update is under way, and otherwise an error once a pod has not been Ready for five minutes and a warning before",
    why: "Something is missing now; the other findings about it say what.",
    remedy: "if no other finding about it says why: kubectl get pods -n NAMESPACE",
    exceptions: "Pods beyond the replicas, as in an update, that go.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected() {
        let Some(desired) = workload.replicas else { continue };
        let available = workload.object.number("/status/availableReplicas").unwrap_or(0);
        if available >= desired {
            continue;
        }
        let since = workload.active().filter_map(PodState::not_ready_since).min();
        let waited = since.map(|since| snapshot.seconds_since(since));
        let (severity, state) = match waited {
            _ if is_young(workload, snapshot) => (Warning, starting(workload)),
            _ if available == 0 => (Error, "nothing serves".to_owned()),
            _ if is_updating(workload) => (Warning, "an update is under way".to_owned()),
            Some(seconds) if seconds > NO_LONGER_STARTING => {
                (Error, format!("a pod has not been Ready for {}", span(seconds)))
            }
            Some(seconds) => (Warning, format!("healing, for {}", span(seconds))),
            None => (Warning, "healing: the pod is not there yet".to_owned()),
        };
        found.add(
            severity,
            &workload.subject,
            format!("{available} of {desired} replicas available: {state}"),
        );
    }
}

/// What a pod of it waits for, if that is known.
fn starting(workload: &Workload) -> String {
    // What each container passes through.
    let is_usual = |reason: &str| matches!(reason, "" | "ContainerCreating" | "PodInitializing");
    if let Some((pod, container, waiting)) = first(workload, |_, waiting| !is_usual(&waiting.reason)) {
        return format!("container {} of {} waits: {}", container.name, pod.name, waiting.reason);
    }
    let unscheduled = workload.active().find(|pod| pod.unscheduled.is_some());
    unscheduled.map_or("it is starting".to_owned(), |pod| format!("{} waits for a node", pod.name))
}

/// It was made a moment ago.
fn is_young(workload: &Workload, snapshot: &Snapshot) -> bool {
    let created = workload.object.time("/metadata/creationTimestamp");
    created.is_some_and(|at| snapshot.seconds_since(at) < NO_LONGER_STARTING)
}

/// A Deployment whose update has not exceeded its deadline, or whose controller has yet to begin.
fn is_updating(workload: &Workload) -> bool {
    let object = &workload.object;
    let observed = object.number("/status/observedGeneration").unwrap_or_default();
    let progresses = object.list("/status/conditions").iter().any(|it| {
        it["type"] == "Progressing"
            && matches!(
                it.text("/reason"),
                "ReplicaSetUpdated" | "NewReplicaSetCreated" | "FoundNewReplicaSet"
            )
    });
    workload.kind == Kind::Deployment
        && (progresses || observed < object.number("/metadata/generation").unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, container, healthy, not_ready, stateful_set};
    use serde_json::{Value, json};

    #[test]
    fn hc704_under_replicated() {
        let available =
            |n: i64| healthy().edit("Deployment/web", json!({"status": {"availableReplicas": n}}));
        let broken_since = |at: &str| {
            available(2).edit(
                "Pod/web-a",
                json!({"status": {"conditions": [
                {"type": "Ready", "status": "False", "lastTransitionTime": at}]}}),
            )
        };
        let broken = |created: &str| {
            broken_since(created).edit("Pod/web-a", json!({"metadata": {"creationTimestamp": created}}))
        };
        let updating = |condition: Value| json!({"status": {"conditions": [condition]}});
        let update =
            updating(json!({"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}));
        let mut set = healthy().with_all(stateful_set("db", 3)).edit(
            "StatefulSet/db",
            json!({"status": {"availableReplicas": 2}, "spec": {"updateStrategy": {"type": "OnDelete"}}}),
        );
        set = set.edit("Pod/db-2", not_ready());
        let surge =
            healthy().edit("Pod/web-a", json!({"metadata": {"deletionTimestamp": "2026-01-02T00:00:10Z"}}));
        cases(
            &CHECK,
            &[
                (
                    "made a minute ago",
                    available(0).edit(
                        "Deployment/web",
                        json!({"metadata": {"creationTimestamp": "2026-01-01T23:59:00Z"}}),
                    ),
                    &["deployment/web warning"],
                ),
                ("none", available(0), &["deployment/web error"]),
                ("for a minute", broken("2026-01-01T23:59:00Z"), &["deployment/web warning"]),
                (
                    "Ready until a minute ago",
                    broken_since("2026-01-01T23:59:00Z"),
                    &["deployment/web warning"],
                ),
                ("for ten minutes", broken("2026-01-01T23:50:00Z"), &["deployment/web error"]),
                (
                    "D7: an update",
                    broken("2026-01-01T23:50:00Z").edit("Deployment/web", update),
                    &["deployment/web warning"],
                ),
                ("D6: OnDelete, two of three", set, &["statefulset/db error"]),
                ("D8: a surge pod goes", surge, &[]),
            ],
        );
        let young = |status: Value| {
            available(2)
                .edit("Deployment/web", json!({"metadata": {"creationTimestamp": "2026-01-01T23:59:00Z"}}))
                .edit("Pod/web-b", status)
                .message(&CHECK)
        };
        let waits =
            |reason: &str| container(json!({"state": {"running": null, "waiting": {"reason": reason}}}));
        let unscheduled = json!({"status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}});
        for (status, expected) in [
            (waits("ErrImagePull"), "container main of web-b waits: ErrImagePull"),
            (waits("ContainerCreating"), "it is starting"),
            (unscheduled, "web-b waits for a node"),
        ] {
            assert_eq!(young(status), format!("2 of 3 replicas available: {expected}"));
        }
    }
}
