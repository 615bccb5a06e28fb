//! HC803: a node that somebody cordoned and forgot.

use cluster_model::NodeExt;
use cluster_model::text::age;
use cluster_model::toleration::UNSCHEDULABLE;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::Timestamp;
use plugin_client::shell::word;

use super::check::{About, Check, Found};
use crate::finding::Severity::{Info, Warning};
use crate::finding::Subject;
use crate::snapshot::{Read, Snapshot};

const FORGOTTEN_AFTER: i64 = 86400;

/// Taints of those that cordon nodes and take care of them: cluster-autoscaler and Karpenter.
const KEPT_BY: [&str; 4] = [
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
];

pub const CHECK: Check = Check {
    id: "HC803",
    name: "forgotten-cordon",
    about: About::Now,
    severities: &[Warning, Info],
    reads: &[Read::Nodes],
    fires_when: "a node has been cordoned for more than a day; information before",
    why: "Replacements find less room than the cluster has.",
    remedy: "if nobody works on it: kubectl uncordon NODE",
    exceptions: "Nodes that cluster-autoscaler or Karpenter is about to remove; runs for named or selected workloads.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    if !snapshot.selects_all {
        return;
    }
    for node in snapshot.nodes.iter().filter(|node| node.is_cordoned() && !is_kept(node)) {
        let seconds = since(node).map(|at| snapshot.seconds_since(at));
        let (severity, how_long) = match seconds {
            Some(seconds) if seconds > FORGOTTEN_AFTER => (Warning, format!("for {}", age(seconds))),
            Some(seconds) => (Info, format!("for {}", age(seconds))),
            None => (Info, "it is not recorded since when".to_owned()),
        };
        let remedy = format!("if nobody works on it: kubectl uncordon {}", word(node.name()));
        found.add_with(
            severity,
            &Subject::new("Node", "", node.name()),
            format!("cordoned, {how_long}"),
            remedy,
        );
    }
}

fn is_kept(node: &Node) -> bool {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    taints.iter().any(|taint| KEPT_BY.contains(&taint.key.as_str()))
}

/// By the taint, to which the node lifecycle controller adds the time (`pkg/controller/util/node`, SwapNodeControllerTaint), or by who
/// changed the node.
fn since(node: &Node) -> Option<Timestamp> {
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let tainted = taints.iter().find(|taint| taint.key == UNSCHEDULABLE);
    let tainted = tainted.and_then(|taint| taint.time_added.as_ref()).map(|time| time.0);
    tainted.or_else(|| node.cordoned_by()?.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc803_forgotten_cordon() {
        let cordoned = |taints: Value| {
            healthy().edit("Node/n1", json!({"spec": {"unschedulable": true, "taints": taints}}))
        };
        let taint = |at: &str| json!({"key": UNSCHEDULABLE, "effect": "NoSchedule", "timeAdded": at});
        let scaler = json!({"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"});
        cases(
            &CHECK,
            &[
                ("D10: three days", cordoned(json!([taint("2025-12-30T00:00:00Z")])), &["node/n1 warning"]),
                ("D10: ten minutes", cordoned(json!([taint("2026-01-01T23:50:00Z")])), &["node/n1 info"]),
                ("nobody knows", cordoned(json!([])), &["node/n1 info"]),
                ("by the autoscaler", cordoned(json!([taint("2025-12-30T00:00:00Z"), scaler])), &[]),
            ],
        );
    }
}
