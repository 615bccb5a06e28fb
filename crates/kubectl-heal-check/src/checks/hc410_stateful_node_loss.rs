//! HC410: pods of a StatefulSet are not replaced while their node is lost.

use cluster_model::NodeExt;
use cluster_model::healing::node_loss::OUT_OF_SERVICE;
use plugin_client::shell::word;

use super::check::{About, Check, Found};
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::{Kind, Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC410",
    name: "stateful-node-loss",
    about: About::Posture,
    severities: &[Error, Warning],
    reads: &[Read::Pods, Read::Nodes, Read::StatefulSets],
    fires_when: "a StatefulSet has replicas (warning), and one of its pods is on a node that is not Ready (error)",
    why: "At most one pod of a name may run. On a node that is lost a pod stays Terminating, and its replacement is not made, until the node is back, its Node object is deleted, or the node is declared out of service.",
    remedy: "once a node is lost: confirm that it is off, then kubectl taint node NODE node.kubernetes.io/out-of-service=nodeshutdown:NoExecute",
    exceptions: "Pods without a grace period, which the server deletes at once (HC309). Operators that replace their pods by other means; cloud providers whose controller deletes the Node of an instance that is gone.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.kind == Kind::StatefulSet && it.replicas != Some(0)) {
        let lost = workload
            .pods
            .iter()
            .filter(|pod| !pod.is_finished && !pod.is_deleted_at_once())
            .find(|pod| snapshot.node(&pod.node).is_some_and(|node| node.not_ready().is_some()));
        match lost {
            Some(pod) => {
                let message =
                    format!("{} is not replaced while its node {} is not Ready", pod.name, pod.node);
                let remedy = format!(
                    "after confirming that it is off: kubectl taint node {} {OUT_OF_SERVICE}",
                    word(&pod.node)
                );
                found.add_with(Error, &workload.subject, message, remedy);
            }
            None if !workload.is_system && workload.grace() > 0 => {
                found.add(Warning, &workload.subject, "its pods are not replaced while their node is lost");
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy, stateful_set};
    use serde_json::json;

    #[test]
    fn hc410_stateful_node_loss() {
        let set = || healthy().with_all(stateful_set("db", 2));
        let unknown = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
        let at_once = json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 0}}}});
        cases(
            &CHECK,
            &[
                ("a StatefulSet", set(), &["statefulset/db warning"]),
                ("D11: on a lost node", set().edit("Node/n2", unknown.clone()), &["statefulset/db error"]),
                ("without a grace period", set().edit("StatefulSet/db", at_once.clone()), &[]),
                (
                    "on a lost node without a grace period",
                    set()
                        .edit("StatefulSet/db", at_once)
                        .edit_all("Pod", json!({"spec": {"terminationGracePeriodSeconds": 0}}))
                        .edit("Node/n2", unknown.clone()),
                    &[],
                ),
                ("scaled to zero", set().edit("StatefulSet/db", json!({"spec": {"replicas": 0}})), &[]),
                ("a Deployment on a lost node", healthy().edit("Node/n2", unknown), &[]),
            ],
        );
        let message = set().edit("Node/n2", json!({"status": {"conditions": []}})).message(&CHECK);
        assert_eq!(message, "db-1 is not replaced while its node n2 is not Ready");
    }
}
