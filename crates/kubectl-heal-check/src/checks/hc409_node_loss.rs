//! HC409: how long the pods of a lost node are not replaced.

use cluster_model::healing::node_loss::Deletion;
use cluster_model::text::{YEAR, about};

use super::check::{About, Check, Found};
use super::displaced::by_node;
use crate::finding::Severity::{Error, Info, Warning};
use crate::snapshot::{Kind, Read, Snapshot, Workload};

/// What counts as slow for a workload that nothing else serves meanwhile.
const SLOW: i64 = 60;

pub const CHECK: Check = Check {
    id: "HC409",
    name: "node-loss",
    about: About::Posture,
    severities: &[Error, Warning, Info],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::Autoscalers,
    ],
    fires_when: "the pods tolerate the loss of their node for ever or for more than a year (error), or for more than a minute: a warning if there is one replica, which nothing serves for, and information otherwise",
    why: "Kubernetes notices a silent node after about 50 s; its pods are replaced only after their tolerationSeconds for node.kubernetes.io/unreachable and not-ready, 300 s unless the template says otherwise.",
    remedy: "add tolerations for node.kubernetes.io/unreachable and node.kubernetes.io/not-ready with tolerationSeconds of 30 to 60",
    exceptions: "Information only with volume claims, which have to be detached first; DaemonSets are meant to stay; StatefulSets are HC410; a template that names a node (HC404), and pods that no other node takes as far as nodes are known (HC404, HC403, HC414): no toleration brings them back; the time until a node counts as silent may be configured otherwise.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let replaced = |it: &&Workload| matches!(it.kind, Kind::Deployment | Kind::ReplicaSet) && it.least() > 0;
    for workload in snapshot.posture().filter(replaced).filter(|it| it.pinned_to().is_none()) {
        match workload.after_loss() {
            Deletion::Never => found.add_with(
                Error,
                &workload.subject,
                "its pods tolerate the loss of their node for ever: they are never replaced",
                "set tolerationSeconds on its tolerations for NoExecute, and no toleration of every taint",
            ),
            // Nodes are not needed for the rest, and manifests have none.
            Deletion::After(_) if by_node(workload, snapshot).is_some() => {}
            Deletion::After(seconds) if seconds > SLOW => {
                let severity = match workload.least() {
                    // Nobody waits for that.
                    _ if seconds > YEAR => Error,
                    // Volumes have to be detached first, which takes longer than a shorter toleration saves.
                    1 if !workload.has_claims() => Warning,
                    _ => Info,
                };
                let after = about(snapshot.detection().saturating_add(seconds));
                let message = format!("the pods of a lost node are replaced after {after}");
                found.add(severity, &workload.subject, message);
            }
            Deletion::After(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    /// A shorter toleration brings none of its pods back: what is wrong is HC404, HC403 or HC414.
    #[test]
    fn where_nothing_else_takes_its_pods_no_toleration_helps() {
        let minutes = json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]);
        let alone = || {
            let template = json!({"spec": {"replicas": 1, "template": {"spec": {"tolerations": minutes}}}});
            let world = healthy().without("Pod/web-b").without("Pod/web-c").edit("Deployment/web", template);
            world.edit("Pod/web-a", json!({"spec": {"tolerations": minutes}}))
        };
        assert_eq!(alone().found(&CHECK), ["deployment/web warning"]);
        let selector = json!({"nodeSelector": {"kubernetes.io/hostname": "n1"}});
        let pinned = alone()
            .edit("Deployment/web", json!({"spec": {"template": {"spec": selector}}}))
            .edit("Pod/web-a", json!({"spec": selector}));
        assert_eq!(pinned.found(&CHECK), [""; 0]);
        let names_it = json!({"spec": {"template": {"spec": {"nodeName": "n1"}}}});
        assert_eq!(alone().edit("Deployment/web", names_it.clone()).found(&CHECK), [""; 0]);
        let forever = json!({"spec": {"tolerations": [{"operator": "Exists"}]}});
        let forever = alone().edit("Pod/web-a", forever);
        assert_eq!(forever.found(&CHECK), ["deployment/web error"]);
        assert_eq!(forever.edit("Deployment/web", names_it).found(&CHECK), [""; 0]);
    }

    #[test]
    fn hc409_node_loss() {
        let tolerations = |tolerations: Value| {
            let template = json!({"spec": {"template": {"spec": {"tolerations": tolerations}}}});
            healthy()
                .edit_all("Pod", json!({"spec": {"tolerations": tolerations}}))
                .edit("Deployment/web", template)
        };
        let unreachable = |seconds: Value| json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}]);
        let one = json!({"spec": {"replicas": 1}});
        cases(
            &CHECK,
            &[
                ("D12: without an end", tolerations(unreachable(json!(null))), &["deployment/web error"]),
                ("every taint", tolerations(json!([{"operator": "Exists"}])), &["deployment/web error"]),
                ("five minutes", tolerations(unreachable(json!(300))), &["deployment/web info"]),
                (
                    "five minutes without it",
                    tolerations(unreachable(json!(300))).edit("Deployment/web", one),
                    &["deployment/web warning"],
                ),
                (
                    "five minutes, with a claim",
                    tolerations(unreachable(json!(300))).edit(
                        "Deployment/web",
                        json!({"spec": {"replicas": 1, "template": {"spec": {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]}}}}),
                    ),
                    &["deployment/web info"],
                ),
                ("nobody waits for that", tolerations(unreachable(json!(i64::MAX))), &["deployment/web error"]),
                ("a minute", tolerations(unreachable(json!(60))), &[]),
            ],
        );
        let message = |seconds: i64| tolerations(unreachable(json!(seconds))).message(&CHECK);
        assert_eq!(message(300), "the pods of a lost node are replaced after about 5m50s");
        assert_eq!(message(i64::MAX), "the pods of a lost node are replaced after more than a year");
    }
}
