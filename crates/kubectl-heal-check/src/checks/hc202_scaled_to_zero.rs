//! HC202: scaled to zero.

use super::check::{About, Check, Found};
use crate::finding::Severity::Info;
use crate::snapshot::{Kind, Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC202",
    name: "scaled-to-zero",
    about: About::Posture,
    severities: &[Info],
    reads: &[Read::Deployments, Read::StatefulSets, Read::Autoscalers],
    fires_when: "a Deployment or StatefulSet has no replicas",
    why: "There is nothing to heal, and nothing is said about it: its cells of the matrix are empty.",
    remedy: "scale it up, or delete it if nobody needs it",
    exceptions: "An autoscaler that has it as its target may have scaled it to zero.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let scaled = |it: &&Workload| matches!(it.kind, Kind::Deployment | Kind::StatefulSet);
    for workload in snapshot.posture().filter(scaled) {
        if workload.least() == 0 && workload.autoscaler.is_none() {
            found.add(Info, &workload.subject, "is scaled to zero");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc202_scaled_to_zero() {
        let zero = healthy().edit("Deployment/web", json!({"spec": {"replicas": 0}}));
        let keda = json!({"kind": "HorizontalPodAutoscaler", "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"minReplicas": 1, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
        cases(
            &CHECK,
            &[
                ("no replicas", zero.clone(), &["deployment/web info"]),
                ("with an autoscaler", zero.with(keda), &[]),
            ],
        );
    }
}
