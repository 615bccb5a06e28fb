//! HC402: all replicas in one zone.

use std::collections::BTreeSet;

use super::check::{About, Check, Found};
use super::eligible::eligible;
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot, zone};

pub const CHECK: Check = Check {
    id: "HC402",
    name: "one-zone",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
    ],
    fires_when: "all ready replicas, two or more, are in one zone although nodes of another zone could take them",
    why: "The loss of this zone is an outage of the whole workload.",
    remedy: "add topologySpreadConstraints over topology.kubernetes.io/zone, then restart the rollout so that its pods are placed again",
    exceptions: "DaemonSets; clusters of one zone; pods on nodes without a zone; all on one node is HC401.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.is_scaled()) {
        let nodes: BTreeSet<&str> = workload.ready().map(|pod| pod.node.as_str()).collect();
        let zones: BTreeSet<Option<&str>> =
            nodes.iter().map(|name| snapshot.node(name).and_then(zone)).collect();
        let eligible: BTreeSet<&str> = eligible(snapshot, workload).filter_map(zone).collect();
        let [Some(only)] = zones.iter().copied().collect::<Vec<_>>()[..] else { continue };
        if nodes.len() >= 2 && eligible.iter().any(|zone| *zone != only) {
            let ready = workload.ready().count();
            found.add(Warning, &workload.subject, format!("all {ready} ready replicas are in zone {only}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc402_one_zone() {
        let zone = |value: Value| json!({"metadata": {"labels": {"topology.kubernetes.io/zone": value}}});
        let moved = |world: crate::checks::testing::World| {
            world.edit("Pod/web-c", json!({"spec": {"nodeName": "n1"}}))
        };
        let two_in_a = || moved(healthy().edit("Node/n2", zone(json!("a"))));
        cases(
            &CHECK,
            &[
                ("all in one", two_in_a(), &["deployment/web warning"]),
                ("one zone only", two_in_a().edit("Node/n3", zone(json!("a"))), &[]),
                ("a node without a zone", moved(healthy().edit("Node/n2", zone(json!(null)))), &[]),
                ("two zones", moved(healthy()), &[]),
            ],
        );
    }
}
