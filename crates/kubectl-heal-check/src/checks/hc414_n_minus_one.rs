//! HC414: without one of its nodes or zones there is no place for its pods.

use cluster_model::NodeExt;

use super::check::{About, Check, Found};
use super::displaced::{Displaced, UNKNOWN, by_node, by_zone};
use super::eligible::eligible;
use super::hc403_spread_deadlock::deadlock;
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::{Kind, Read, Snapshot, Workload};

/// Labels of nodes that Karpenter made.
const KARPENTER: [&str; 2] = ["karpenter.sh/nodepool", "karpenter.sh/provisioner-name"];

pub const CHECK: Check = Check {
    id: "HC414",
    name: "n-minus-one",
    about: About::Posture,
    severities: &[Error, Warning],
    reads: &[
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::Autoscalers,
    ],
    fires_when: "the model of the scheduler finds no place for a pod if its node is lost or drained, or if its zone is lost: an error if no other pod of the workload serves then, and a warning otherwise",
    why: "Its replacement stays Pending: the rest of the cluster has no room for it, or is not meant for it.",
    remedy: "add a node, lower the requests, or relax what keeps the pods from the other nodes",
    exceptions: "A prediction, by the filters of the scheduler on the nodes and pods of now. Clusters of one node; templates that one node takes (HC404); spread rules without room (HC403); volumes (HC408). With a node autoscaler a warning: it may add a node.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    if snapshot.scheduling.seen().is_none() {
        return found.unknown(UNKNOWN);
    }
    let usable = snapshot.nodes.iter().filter(|node| node.not_ready().is_none() && !node.is_cordoned());
    if usable.count() < 2 {
        return;
    }
    let scales = has_node_autoscaler(snapshot);
    for workload in snapshot.posture().filter(|it| it.is_scaled() && is_for_this_check(it, snapshot)) {
        let node = by_node(workload, snapshot).filter(|it| !it.refusal.is_by_volume);
        let zone = || by_zone(workload, snapshot).filter(|(_, it)| !it.refusal.is_by_volume);
        let (what, displaced, serving) = if let Some(displaced) = node {
            let serving = workload.ready().filter(|it| it.node != displaced.pod.node).count();
            (format!("node {}", displaced.pod.node), displaced, serving)
        } else if let Some((zone, displaced)) = zone() {
            let is_elsewhere =
                |node: &str| snapshot.node(node).and_then(|it| snapshot.zone(it)) != Some(zone);
            (format!("zone {zone}"), displaced, workload.ready().filter(|it| is_elsewhere(&it.node)).count())
        } else {
            continue;
        };
        let severity = if serving == 0 && !scales { Error } else { Warning };
        found.add(severity, &workload.subject, message(&what, &displaced, serving, scales));
    }
}

fn message(what: &str, displaced: &Displaced<'_>, serving: usize, scales: bool) -> String {
    format!(
        "predicted: without {what} its pod {} has no place ({}), and {serving} others serve{}",
        displaced.pod.name,
        displaced.refusal,
        may_add_a_node(scales)
    )
}

pub fn may_add_a_node(scales: bool) -> &'static str {
    if scales { "; a node autoscaler may add a node" } else { "" }
}

/// What HC404 and HC403 say is not said again.
fn is_for_this_check(workload: &Workload, snapshot: &Snapshot) -> bool {
    eligible(snapshot, workload).nth(1).is_some() && deadlock(workload, snapshot).is_none()
}

pub fn has_node_autoscaler(snapshot: &Snapshot) -> bool {
    let labels = snapshot.nodes.iter().filter_map(|node| node.metadata.labels.as_ref());
    let made = labels.flat_map(|it| it.keys()).any(|key| KARPENTER.contains(&key.as_str()));
    let deployments = snapshot.workloads.iter().filter(|it| it.kind == Kind::Deployment);
    made || deployments
        .map(|it| &it.subject.name)
        .any(|it| it.contains("cluster-autoscaler") || it == "karpenter")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, deployment, healthy};
    use serde_json::json;

    #[test]
    fn hc414_n_minus_one() {
        let cpu = |cpu: &str| -> World {
            healthy().edit_all(
                "Pod",
                json!({"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": cpu}}}]}}),
            )
        };
        let alone = || cpu("7").without("Pod/web-b").without("Pod/web-c");
        let busy = |world: World| {
            world
                .edit("Node/n2", json!({"status": {"allocatable": {"cpu": "1"}}}))
                .edit("Node/n3", json!({"status": {"allocatable": {"cpu": "1"}}}))
        };
        let karpenter = json!({"metadata": {"labels": {"karpenter.sh/nodepool": "default"}}});
        let one_node = busy(alone()).without("Node/n2").without("Node/n3");
        let warns: &[&str] = &["deployment/web warning"];
        let pinned =
            json!({"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": "n1"}}}}});
        cases(
            &CHECK,
            &[
                ("no room, two still serve", cpu("5"), warns),
                ("room", cpu("4"), &[]),
                ("no room, nothing serves", busy(alone()), &["deployment/web error"]),
                ("room elsewhere", alone(), &[]),
                ("Karpenter", busy(alone()).edit("Node/n1", karpenter), warns),
                ("one node", one_node, &[]),
                ("pinned: HC404", busy(alone()).edit("Deployment/web", pinned), &[]),
            ],
        );
        let scaler = busy(alone()).with(deployment("cluster-autoscaler", 1));
        assert_eq!(scaler.found(&CHECK), warns);
        let message = busy(alone()).message(&CHECK);
        assert!(
            message
                .starts_with("predicted: without node n1 its pod web-a has no place (2 nodes: cpu short by"),
            "{message}"
        );
    }

    #[test]
    fn a_zone_without_which_there_is_no_room() {
        // Two in zone a, on a node each; zone b has room for one more.
        let spec =
            json!({"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "5"}}}]}});
        let zone = |zone: &str| json!({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}});
        let two = || {
            healthy()
                .edit_all("Pod", spec.clone())
                .without("Pod/web-c")
                .edit("Node/n2", zone("a"))
                .edit("Node/n3", zone("b"))
        };
        assert_eq!(two().found(&CHECK), ["deployment/web error"]);
        assert!(two().message(&CHECK).contains("without zone a"));
        let one_zone = two().edit("Node/n3", zone("a"));
        assert_eq!(one_zone.found(&CHECK), [""; 0], "its loss is that of the cluster");
        let room = two().edit("Node/n3", json!({"status": {"allocatable": {"cpu": "16"}}}));
        assert_eq!(room.found(&CHECK), [""; 0]);
    }
}
