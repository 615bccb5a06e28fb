//! HC607: a pod that no node takes.

use cluster_model::text::{count, span};

use super::check::{About, Check, Found};
use super::commands::{describe, get};
use super::waiting::because;
use crate::finding::Severity::{Error, Info};
use crate::snapshot::pod::{PodState, Unscheduled};
use crate::snapshot::{Read, Snapshot};

const PATIENCE: i64 = 30;
const GATED: &str = "SchedulingGated";

pub const CHECK: Check = Check {
    id: "HC607",
    name: "pending",
    about: About::Now,
    severities: &[Error, Info],
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
    fires_when: "a pod was found unschedulable more than 30 s ago; information if it is held back by scheduling gates",
    why: "It waits until a node can take it, and nothing else heals it.",
    remedy: "kubectl describe pod POD shows what keeps it from each node: free resources, taints, affinity, volumes",
    exceptions: "The first 30 seconds. A node autoscaler may be adding a node.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected() {
        let waits = |pod: &&PodState| pod.unscheduled.as_ref().is_some_and(|it| is_long(it, snapshot));
        let pending: Vec<&PodState> = workload.active().filter(waits).collect();
        let Some((pod, why)) = pending.iter().find_map(|pod| Some((pod, pod.unscheduled.as_ref()?))) else {
            continue;
        };
        let which = if pending.len() == 1 { pod.name.clone() } else { count(pending.len(), "pod") };
        let since =
            why.since.map_or(String::new(), |at| format!(" for {}", span(snapshot.seconds_since(at))));
        if why.reason == GATED {
            let remedy = format!("whoever set the gates has to remove them: {} -o yaml", get(pod));
            let message = format!("{which} held back by scheduling gates{since}");
            found.add_with(Info, &workload.subject, message, remedy);
        } else {
            let remedy = describe(pod);
            found.add_with(
                Error,
                &workload.subject,
                format!("{which} unschedulable{since}{}", because(without_preemption(&why.message))),
                remedy,
            );
        }
    }
}

/// What the scheduler adds about preemption repeats the number of nodes (`pkg/scheduler/framework/preemption/preemption.go`).
fn without_preemption(message: &str) -> &str {
    message.split_once(" preemption: ").map_or(message, |(before, _)| before).trim_end_matches('.')
}

fn is_long(why: &Unscheduled, snapshot: &Snapshot) -> bool {
    why.since.is_none_or(|at| snapshot.seconds_since(at) > PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy};
    use serde_json::json;

    #[test]
    fn hc607_pending() {
        let pending = |reason: &str, since: &str| -> World {
            let condition = json!({"type": "PodScheduled", "status": "False", "reason": reason, "message": "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available", "lastTransitionTime": since});
            healthy().edit("Pod/web-a", json!({"spec": {"nodeName": null}, "status": {"phase": "Pending", "conditions": [condition]}}))
        };
        cases(
            &CHECK,
            &[
                ("for a minute", pending("Unschedulable", "2026-01-01T23:59:00Z"), &["deployment/web error"]),
                ("for ten seconds", pending("Unschedulable", "2026-01-01T23:59:50Z"), &[]),
                ("D5: gated", pending("SchedulingGated", "2026-01-01T23:59:00Z"), &["deployment/web info"]),
            ],
        );
        let message = pending("Unschedulable", "2026-01-01T23:59:00Z").message(&CHECK);
        assert_eq!(message, "web-a unschedulable for 1m: 0/3 nodes are available: 3 Insufficient cpu");
    }
}
