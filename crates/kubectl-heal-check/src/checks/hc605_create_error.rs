//! HC605: a container that cannot be created.

use super::check::{About, Check, Found};
use super::waiting::{first, is_older, message, pods};
use crate::finding::Severity::Error;
use crate::snapshot::pod::Waiting;
use crate::snapshot::{PodState, Read, Snapshot};

/// A ConfigMap or Secret may be made just after the pod.
const PATIENCE: i64 = 30;

pub const CHECK: Check = Check {
    id: "HC605",
    name: "create-error",
    about: About::Now,
    severities: &[Error],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
    ],
    fires_when: "a container waits with CreateContainerConfigError, CreateContainerError or RunContainerError in a pod that has been on its node for 30 s",
    why: "It is not started before what the message names is there.",
    remedy: "create what the message names, or correct the reference to it",
    exceptions: "The first 30 seconds.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let is_meant = |pod: &PodState, waiting: &Waiting| {
        let is_error = matches!(
            waiting.reason.as_str(),
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError"
        );
        is_error && is_older(pod, snapshot, PATIENCE)
    };
    for workload in snapshot.selected() {
        if let Some(failing) = first(workload, is_meant) {
            found.add(Error, &workload.subject, message(workload, pods(workload, is_meant), failing));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, container, healthy};
    use serde_json::json;

    #[test]
    fn hc605_create_error() {
        let web_a = |reason: &str| {
            healthy().edit("Pod/web-a", container(json!({"state": {"running": null, "waiting": {"reason": reason, "message": "secret \"db\" not found"}}})))
        };
        let young = json!({"status": {"conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T23:59:50Z"}]}});
        cases(
            &CHECK,
            &[
                ("a missing secret", web_a("CreateContainerConfigError"), &["deployment/web error"]),
                ("for ten seconds", web_a("CreateContainerConfigError").edit("Pod/web-a", young), &[]),
                ("it is being created", web_a("ContainerCreating"), &[]),
            ],
        );
        assert!(web_a("CreateContainerError").message(&CHECK).contains("secret \"db\" not found"));
    }
}
