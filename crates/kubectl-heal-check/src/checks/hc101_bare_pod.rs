//! HC101: a pod that nothing recreates.

use super::check::{About, Check, Found};
use crate::finding::Severity::{Error, Info};
use crate::snapshot::{Kind, Read, Snapshot};

/// `kubectl run` and `kubectl debug` make pods that are meant to go.
const YOUNG: i64 = 3600;

pub const CHECK: Check = Check {
    id: "HC101",
    name: "bare-pod",
    about: About::Posture,
    severities: &[Error, Info],
    reads: &[Read::Pods],
    fires_when: "a pod has no controller",
    why: "Nothing recreates the pod if it is deleted or its node is lost.",
    remedy: "create it through a Deployment, a StatefulSet or a Job",
    exceptions: "Static pods, which the kubelet runs from a file; pods that are finished; info only for a pod younger than an hour.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.kind == Kind::Pod) {
        let Some(pod) = workload.active().next() else { continue };
        let is_young = pod.created.is_some_and(|created| snapshot.seconds_since(created) < YOUNG);
        let (severity, note) =
            if is_young { (Info, " (an error once it is an hour old)") } else { (Error, "") };
        let message = format!("has no controller: nothing recreates it{note}");
        found.add(severity, &workload.subject, message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy, owner, pod};
    use serde_json::json;

    #[test]
    fn hc101_bare_pod() {
        let bare = |edit| healthy().with(pod("tool", "tool", "n1")).edit("Pod/tool", edit);
        cases(
            &CHECK,
            &[
                ("no controller", bare(json!({})), &["pod/tool error"]),
                (
                    "young",
                    bare(json!({"metadata": {"creationTimestamp": "2026-01-01T23:30:00Z"}})),
                    &["pod/tool info"],
                ),
                ("finished", bare(json!({"status": {"phase": "Succeeded"}})), &[]),
                (
                    "static",
                    bare(json!({"metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}})),
                    &[],
                ),
                (
                    "of an operator",
                    bare(
                        json!({"metadata": {"ownerReferences": [owner("postgresql.cnpg.io/v1", "Cluster", "db")]}}),
                    ),
                    &[],
                ),
                (
                    "of a namespace whose name only begins like those of Kubernetes",
                    bare(json!({"metadata": {"namespace": "kube-prometheus-stack"}})).in_all_namespaces(),
                    &["pod/tool error"],
                ),
                (
                    "of Kubernetes itself",
                    bare(json!({"metadata": {"namespace": "kube-system"}})).in_all_namespaces(),
                    &[],
                ),
            ],
        );
    }
}
