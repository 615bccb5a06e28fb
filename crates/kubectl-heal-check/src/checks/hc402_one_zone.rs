//! HC402: all replicas in one zone.

use std::collections::BTreeSet;

use cluster_model::feasibility::ZONE;

use super::check::{About, Check, Found};
use super::eligible::eligible;
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot};

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
    exceptions: "DaemonSets; clusters of one zone; another domain with --domain, of which nodes without the label make it unchecked; pods on nodes without a zone; all on one node is HC401.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.is_scaled()) {
        let nodes: BTreeSet<&str> = workload.ready().map(|pod| &*pod.node).collect();
        let zones: BTreeSet<Option<&str>> =
            nodes.iter().map(|name| snapshot.node(name).and_then(|it| snapshot.zone(it))).collect();
        let label = &snapshot.domain.label;
        // Of one that was asked for it must be known; a cluster without zones is no news.
        if snapshot.domain.is_asked_for && nodes.len() >= 2 && zones.contains(&None) {
            found.unknown(format!("{}: it has ready pods on nodes without label {label}", workload.subject));
            continue;
        }
        let [Some(only)] = zones.iter().copied().collect::<Vec<_>>()[..] else { continue };
        let mut zones = eligible(snapshot, workload).filter_map(|it| snapshot.zone(it));
        if nodes.len() >= 2 && zones.any(|zone| zone != only) {
            let ready = workload.ready().count();
            let message = format!("all {ready} ready replicas are in {} {only}", snapshot.domain);
            let remedy = CHECK.remedy.replace(ZONE, label);
            found.add_with(Warning, &workload.subject, message, remedy);
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

    #[test]
    fn the_domain_may_be_another_one() {
        let rack = |world: crate::checks::testing::World, node: &str, rack: &str| {
            world.edit(&format!("Node/{node}"), json!({"metadata": {"labels": {"rack": rack}}}))
        };
        let found = |world: &crate::checks::testing::World| {
            let mut snapshot = world.snapshot();
            snapshot.domain = "rack".parse().unwrap();
            let mut found = Found::by(&CHECK);
            run(&snapshot, &mut found);
            let shown = found.findings.iter().map(|it| format!("{} | {}", it.message, it.remedy));
            shown.chain(found.unchecked.iter().map(|it| it.reason.clone())).collect::<Vec<_>>()
        };
        let moved = healthy().edit("Pod/web-c", json!({"spec": {"nodeName": "n1"}}));
        let two = rack(rack(moved, "n1", "r1"), "n2", "r1");
        assert_eq!(found(&rack(two.clone(), "n3", "r1")), [""; 0], "there is no other");
        let all = found(&rack(two.clone(), "n3", "r2"));
        assert_eq!(all.len(), 1);
        assert!(
            all[0].starts_with(
                "all 3 ready replicas are in rack r1 | add topologySpreadConstraints over rack,"
            ),
            "{all:?}"
        );
        let unlabelled = two.edit("Node/n2", json!({"metadata": {"labels": {"rack": null}}}));
        assert_eq!(found(&unlabelled), ["deployment/web: it has ready pods on nodes without label rack"]);
    }
}
