//! HC401: all replicas on one node.

use std::collections::BTreeSet;

use super::check::{About, Check, Found};
use super::eligible::eligible;
use crate::finding::Severity::{Error, Info};
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC401",
    name: "one-node",
    about: About::Posture,
    severities: &[Error, Info],
    reads: &[
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
    ],
    fires_when: "all ready replicas, two or more, are on one node although others could take them",
    why: "The loss of this node is an outage of the whole workload.",
    remedy: "add topologySpreadConstraints over kubernetes.io/hostname, then restart the rollout so that its pods are placed again",
    exceptions: "DaemonSets; info only in a cluster of one node; workloads that only one node may take are HC404. What counts is where the pods are, not what the template asks for.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.is_scaled()) {
        let nodes: BTreeSet<&str> = workload.ready().map(|pod| &*pod.node).collect();
        let ready = workload.ready().count();
        let (Some(node), 1, 2..) = (nodes.first(), nodes.len(), ready) else { continue };
        let others = eligible(snapshot, workload).count();
        let severity = match () {
            () if snapshot.nodes.len() == 1 => Info,
            () if others >= 2 => Error,
            () => continue,
        };
        found.add(severity, &workload.subject, format!("all {ready} ready replicas are on node {node}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc401_one_node() {
        let on_n1 = || healthy().edit_all("Pod", json!({"spec": {"nodeName": "n1"}}));
        let cordon = |world: crate::checks::testing::World, node: &str| {
            world.edit(&format!("Node/{node}"), json!({"spec": {"unschedulable": true}}))
        };
        cases(
            &CHECK,
            &[
                ("all on one", on_n1(), &["deployment/web error"]),
                ("no other node", on_n1().without("Node/n2").without("Node/n3"), &["deployment/web info"]),
                ("the others are cordoned", cordon(cordon(on_n1(), "n2"), "n3"), &[]),
                ("one elsewhere", on_n1().edit("Pod/web-b", json!({"spec": {"nodeName": "n2"}})), &[]),
            ],
        );
    }
}
