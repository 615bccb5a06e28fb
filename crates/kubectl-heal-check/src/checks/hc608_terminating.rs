//! HC608: a pod that does not go.

use cluster_model::NodeExt;
use cluster_model::text::{count, span};

use super::check::{About, Check, Found};
use super::commands::get;
use crate::finding::Severity::Error;
use crate::snapshot::pod::PodState;
use crate::snapshot::{Read, Snapshot};

/// The deletion timestamp includes the grace period.
pub const NO_LONGER_GOING: i64 = 60;

pub const CHECK: Check = Check {
    id: "HC608",
    name: "terminating",
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
        Read::Nodes,
    ],
    fires_when: "a pod is still there a minute after its grace period has passed",
    why: "A StatefulSet or DaemonSet makes no other one before it is gone, and it keeps its volumes.",
    remedy: "kubectl get pod POD -o yaml shows its finalizers; without one, look at its node",
    exceptions: "The first minute after the grace period.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected() {
        let late =
            |pod: &&PodState| pod.deletion.is_some_and(|at| snapshot.seconds_since(at) > NO_LONGER_GOING);
        let stuck: Vec<&PodState> = workload.pods.iter().map(|pod| &**pod).filter(late).collect();
        let Some(pod) = stuck.first() else { continue };
        let since = pod.deletion.map_or(0, |at| snapshot.seconds_since(at));
        let why = match &*pod.finalizers {
            [] => match snapshot.node(&pod.node).map(NodeExt::not_ready) {
                Some(Some(state)) => format!("node {} is not Ready: {state}", pod.node),
                _ => format!("it has no finalizer; look at node {}", pod.node),
            },
            finalizers => format!("finalizer {}", finalizers.join(", ")),
        };
        let which = if stuck.len() == 1 { pod.name.clone() } else { count(stuck.len(), "pod") };
        let message = format!("{which} still there {} after the grace period: {why}", span(since));
        let remedy = format!("{} -o yaml", get(pod));
        found.add_with(Error, &workload.subject, message, remedy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc608_terminating() {
        let deleted = |at: &str, finalizers: &[&str]| {
            healthy()
                .edit("Pod/web-a", json!({"metadata": {"deletionTimestamp": at, "finalizers": finalizers}}))
        };
        let ago = "2026-01-01T23:58:00Z";
        cases(
            &CHECK,
            &[
                ("two minutes ago", deleted(ago, &["example.com/wait"]), &["deployment/web error"]),
                ("ten seconds ago", deleted("2026-01-01T23:59:50Z", &[]), &[]),
                ("in its grace period", deleted("2026-01-02T00:00:20Z", &[]), &[]),
            ],
        );
        assert!(deleted(ago, &["example.com/wait"]).message(&CHECK).ends_with("finalizer example.com/wait"));
        let lost = deleted(ago, &[]).edit("Node/n1", json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}}));
        assert!(lost.message(&CHECK).contains("node n1 is not Ready: Unknown (NodeStatusUnknown)"));
    }
}
