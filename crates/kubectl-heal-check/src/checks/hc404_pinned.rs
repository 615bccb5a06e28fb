//! HC404: only one node may take the pods, or none.

use cluster_model::NodeExt;
use cluster_model::feasibility::reasons;

use super::check::{About, Check, Found};
use super::eligible::{eligible, misses};
use super::hc414_n_minus_one::{has_node_autoscaler, may_add_a_node};
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC404",
    name: "pinned",
    about: About::Posture,
    severities: &[Error, Warning],
    reads: &[
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
    ],
    fires_when: "node selector, required node affinity and tolerations of a template leave one node of several that are ready and not cordoned; an error if they leave none of those that are ready, a warning where a node autoscaler is seen",
    why: "If this node is lost or drained, no other can take the pods; if there is none, no pod that is lost is replaced.",
    remedy: "label, untaint or uncordon another node, or relax the template's nodeSelector, affinity or tolerations",
    exceptions: "DaemonSets; clusters with one usable node, as long as it may take the pods; clusters without a Ready node; a node autoscaler may add nodes that nobody sees yet.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let ready = snapshot.nodes.iter().filter(|node| node.not_ready().is_none());
    let usable = ready.filter(|node| !node.is_cordoned()).count();
    let scales = has_node_autoscaler(snapshot);
    for workload in snapshot.posture().filter(|it| it.is_scaled() && it.replicas != Some(0)) {
        let nodes: Vec<_> = eligible(snapshot, workload).take(2).collect();
        let (severity, message) = match nodes[..] {
            [] => match misses(snapshot, workload) {
                none_is_ready if none_is_ready.is_empty() => continue,
                misses => {
                    let why = reasons(&misses).join("; ");
                    let message = format!("no node may take a new pod: {why}{}", may_add_a_node(scales));
                    (if scales { Warning } else { Error }, message)
                }
            },
            [only] if usable > 1 => {
                (Warning, format!("only node {} of {usable} may take its pods", only.name()))
            }
            _ => continue,
        };
        found.add(severity, &workload.subject, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc404_pinned() {
        let disk = |node: &str| json!({"metadata": {"labels": {"disk": "ssd", "name": node}}});
        let pinned = |world: crate::checks::testing::World| {
            world.edit(
                "Deployment/web",
                json!({"spec": {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}}),
            )
        };
        let taint = |key: Value| json!({"spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}});
        let tainted = || healthy().edit("Node/n2", taint(json!("gpu"))).edit("Node/n3", taint(json!("gpu")));
        let world = || pinned(healthy().edit("Node/n1", disk("n1")));
        let cordon = || json!({"spec": {"unschedulable": true}});
        let down = |world: crate::checks::testing::World, node: &str| {
            let condition =
                json!({"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T23:00:00Z"});
            world.edit(node, json!({"status": {"conditions": [condition]}}))
        };
        let karpenter = json!({"metadata": {"labels": {"karpenter.sh/nodepool": "default"}}});
        let none = || tainted().edit("Node/n1", cordon());
        let all_down = ["Node/n1", "Node/n2", "Node/n3"].into_iter().fold(none(), down);
        assert_eq!(
            none().message(&CHECK),
            "no node may take a new pod: 1 node: cordoned; 2 nodes: taint gpu"
        );
        cases(
            &CHECK,
            &[
                ("no node has the label", pinned(healthy()), &["deployment/web error"]),
                ("all are cordoned or tainted", none(), &["deployment/web error"]),
                ("no node is Ready", all_down, &[]),
                (
                    "a node autoscaler may add one",
                    none().edit("Node/n1", karpenter),
                    &["deployment/web warning"],
                ),
                ("one node has the label", world(), &["deployment/web warning"]),
                ("the others are tainted", tainted(), &["deployment/web warning"]),
                ("two nodes have it", world().edit("Node/n2", disk("n2")), &[]),
                ("one node is usable", world().without("Node/n2").without("Node/n3"), &[]),
            ],
        );
    }
}
