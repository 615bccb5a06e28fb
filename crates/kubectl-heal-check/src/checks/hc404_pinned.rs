//! HC404: only one node may take the pods.

use cluster_model::NodeExt;

use super::check::{About, Check, Found};
use super::eligible::eligible;
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC404",
    name: "pinned",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
    ],
    fires_when: "node selector, required node affinity and tolerations of a template leave one node of several that are ready and not cordoned",
    why: "If this node is lost or drained, no other can take the pods.",
    remedy: "label or untaint another node, or relax the template's nodeSelector, affinity or tolerations",
    exceptions: "DaemonSets; clusters with one usable node; a node autoscaler may add nodes that nobody sees yet.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let usable =
        snapshot.nodes.iter().filter(|node| node.not_ready().is_none() && !node.is_cordoned()).count();
    if usable < 2 {
        return;
    }
    for workload in snapshot.posture().filter(|it| it.is_scaled() && it.replicas != Some(0)) {
        let nodes: Vec<_> = eligible(snapshot, workload).take(2).collect();
        if let [only] = nodes[..] {
            found.add(
                Warning,
                &workload.subject,
                format!("only node {} of {usable} may take its pods", only.name()),
            );
        }
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
        cases(
            &CHECK,
            &[
                ("one node has the label", world(), &["deployment/web warning"]),
                ("the others are tainted", tainted(), &["deployment/web warning"]),
                ("two nodes have it", world().edit("Node/n2", disk("n2")), &[]),
                ("one node is usable", world().without("Node/n2").without("Node/n3"), &[]),
            ],
        );
    }
}
