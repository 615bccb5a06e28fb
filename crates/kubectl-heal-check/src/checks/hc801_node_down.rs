//! HC801: a node that is down, with pods on it.

use cluster_model::NodeExt;
use cluster_model::healing::node_loss::Deletion;
use cluster_model::text::{count, span};
use k8s_openapi::api::core::v1::Node;

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::finding::Subject;
use crate::snapshot::pod::PodState;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC801",
    name: "node-down",
    about: About::Now,
    severities: &[Error],
    reads: &[Read::Pods, Read::Nodes],
    fires_when: "a node is not Ready and has pods of the workloads in question",
    why: "Its pods do not serve, and are replaced only once their tolerationSeconds have passed.",
    remedy: "bring the node back, or delete it if it is gone for good",
    exceptions: "Nodes without such pods.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for node in snapshot.nodes.iter() {
        let Some(state) = node.not_ready() else { continue };
        let pods = snapshot.selected().flat_map(|it| &it.pods).map(|pod| &**pod);
        let here: Vec<&PodState> = pods.filter(|pod| &*pod.node == node.name() && !pod.is_finished).collect();
        if here.is_empty() {
            continue;
        }
        let message = format!(
            "Ready is {state}{}; {} here{}",
            since(snapshot, node),
            count(here.len(), "pod"),
            deletion(snapshot, node, &here)
        );
        found.add(Error, &Subject::new("Node", "", node.name()), message);
    }
}

fn seconds_down(snapshot: &Snapshot, node: &Node) -> Option<i64> {
    let conditions = node.status.as_ref()?.conditions.as_deref()?;
    let changed = conditions.iter().find(|c| c.type_ == "Ready")?.last_transition_time.as_ref()?;
    Some(snapshot.seconds_since(changed.0))
}

fn since(snapshot: &Snapshot, node: &Node) -> String {
    seconds_down(snapshot, node).map_or(String::new(), |seconds| format!(" for {}", span(seconds)))
}

/// When the first of those that are not being deleted yet is.
fn deletion(snapshot: &Snapshot, node: &Node, pods: &[&PodState]) -> String {
    let waiting: Vec<Deletion> =
        pods.iter().filter(|pod| !pod.is_terminating()).map(|pod| pod.after_loss).collect();
    let down = seconds_down(snapshot, node).unwrap_or_default();
    match waiting.iter().min() {
        None => ", all being deleted".to_owned(),
        Some(Deletion::Never) => ", none of which is ever deleted for it".to_owned(),
        Some(Deletion::After(seconds)) => match seconds - down {
            left if left > 0 => format!(", the first is deleted in about {}", span(left)),
            _ => ", which are due to be deleted".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc801_node_down() {
        let down = || {
            let ready = json!({"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "lastTransitionTime": "2026-01-01T23:59:50Z"});
            healthy().edit("Node/n1", json!({"status": {"conditions": [ready]}}))
        };
        cases(
            &CHECK,
            &[
                ("D11: silent", down(), &["node/n1 error"]),
                ("nothing there", down().without("Pod/web-a"), &[]),
            ],
        );
        assert_eq!(
            down().message(&CHECK),
            "Ready is Unknown (NodeStatusUnknown) for 10s; 1 pod here, the first is deleted in about 20s",
            "D11: it counts down"
        );
    }
}
