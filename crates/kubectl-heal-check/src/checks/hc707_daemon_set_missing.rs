//! HC707: nodes without a Ready pod of a DaemonSet.

use cluster_model::text::count;
use cluster_model::{NodeExt, Raw};

use super::check::{About, Check, Found};
use super::commands::describe;
use super::hc704_under_replicated::NO_LONGER_STARTING;
use crate::finding::Severity::Warning;
use crate::snapshot::pod::PodState;
use crate::snapshot::{Kind, Read, Snapshot, Workload};

/// More are counted.
const NAMED: usize = 5;

pub const CHECK: Check = Check {
    id: "HC707",
    name: "daemon-set-missing",
    about: About::Now,
    severities: &[Warning],
    reads: &[Read::Pods, Read::Nodes, Read::DaemonSets],
    fires_when: "a pod of a DaemonSet has not been Ready for five minutes, on a node that is Ready, or the DaemonSet has fewer pods than nodes that should have one",
    why: "What it does for these nodes, as their network, storage or logs, is missing there.",
    remedy: "look at the pod on such a node; where there is none: kubectl describe daemonset NAME -n NAMESPACE",
    exceptions: "Nodes that are not Ready, which are HC801; a DaemonSet that was made less than five minutes ago.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.kind == Kind::DaemonSet) {
        let unready = unready(workload, snapshot);
        let mut nodes: Vec<&str> = unready.iter().map(|pod| &*pod.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let missing = missing(workload, snapshot);
        if nodes.is_empty() && missing == 0 {
            continue;
        }
        let mut parts = Vec::new();
        if !nodes.is_empty() {
            let more = match nodes.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            parts.push(format!("not Ready on {}{more}", nodes[..nodes.len().min(NAMED)].join(", ")));
        }
        if missing > 0 {
            parts.push(format!("{} without a pod", count(missing, "node")));
        }
        let wanted = workload.object.number("/status/desiredNumberScheduled").unwrap_or_default();
        let message = format!("of {wanted} nodes: {}", parts.join("; "));
        match unready.first() {
            Some(pod) => found.add_with(Warning, &workload.subject, message, describe(pod)),
            None => found.add(Warning, &workload.subject, message),
        }
    }
}

fn unready<'s>(workload: &'s Workload, snapshot: &Snapshot) -> Vec<&'s PodState> {
    let late = workload.active().filter(|pod| {
        let is_up = snapshot.node(&pod.node).is_some_and(|node| node.not_ready().is_none());
        let is_recent =
            pod.not_ready_since().is_some_and(|at| snapshot.seconds_since(at) <= NO_LONGER_STARTING);
        !pod.is_ready && is_up && !is_recent
    });
    late.collect()
}

/// So many nodes should have one and have none, as its controller counts.
fn missing(workload: &Workload, snapshot: &Snapshot) -> usize {
    let status = |field: &str| workload.object.number(&format!("/status/{field}")).unwrap_or_default();
    let created = workload.object.time("/metadata/creationTimestamp");
    let is_young = created.is_some_and(|at| snapshot.seconds_since(at) <= NO_LONGER_STARTING);
    let missing = status("desiredNumberScheduled") - status("currentNumberScheduled");
    if is_young { 0 } else { usize::try_from(missing).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy, not_ready, not_ready_since, owner, pod, template};
    use serde_json::{Value, json};

    fn agent() -> World {
        let set = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"namespace": "shop", "name": "agent", "uid": "DaemonSet-agent", "generation": 1},
            "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent")},
            "status": {"observedGeneration": 1, "desiredNumberScheduled": 3, "currentNumberScheduled": 3, "numberReady": 3}});
        let mut world = healthy().with(set);
        for n in ["n1", "n2", "n3"] {
            let mut pod = pod(&format!("agent-{n}"), "agent", n);
            pod["metadata"]["ownerReferences"] = json!([owner("apps/v1", "DaemonSet", "agent")]);
            world = world.with(pod);
        }
        world
    }

    #[test]
    fn hc707_daemon_set_missing() {
        let down = |status: Value| agent().edit("Pod/agent-n2", status);
        let fewer = json!({"status": {"currentNumberScheduled": 2}});
        let young = json!({"metadata": {"creationTimestamp": "2026-01-01T23:58:00Z"}});
        let lost = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
        let fires: &[&str] = &["daemonset/agent warning"];
        cases(
            &CHECK,
            &[
                ("all Ready", agent(), &[]),
                ("not Ready on a node", down(not_ready()), fires),
                ("it was Ready until a moment ago", down(not_ready_since("2026-01-01T23:58:00Z")), &[]),
                ("its node is lost", down(not_ready()).edit("Node/n2", lost), &[]),
                ("a node has none", agent().edit("DaemonSet/agent", fewer.clone()), fires),
                (
                    "the DaemonSet is young",
                    agent().edit("DaemonSet/agent", fewer.clone()).edit("DaemonSet/agent", young),
                    &[],
                ),
            ],
        );
        assert_eq!(
            down(not_ready()).edit("DaemonSet/agent", fewer).message(&CHECK),
            "of 3 nodes: not Ready on n2; 1 node without a pod"
        );
    }
}
