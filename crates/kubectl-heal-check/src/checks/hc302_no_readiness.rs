//! HC302: traffic before the pod can serve.

use cluster_model::Raw;

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC302",
    name: "no-readiness",
    about: About::Posture,
    severities: &[Error],
    reads: &[Read::Deployments, Read::ReplicaSets, Read::StatefulSets, Read::DaemonSets, Read::Services],
    fires_when: "a Service selects the pods, and no container of theirs has a readinessProbe",
    why: "A pod that is started again gets traffic before it can serve, and one that cannot serve keeps getting it.",
    remedy: "add a readinessProbe to the container that serves",
    exceptions: "Workloads that no Service selects; Services with publishNotReadyAddresses; readinessGates; a probe of a sidecar counts, one of another init container does not.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.runs_for_good()) {
        let Some(service) = workload.services.iter().find(|it| !it.publishes_not_ready) else { continue };
        let has_probe = workload.running_containers().any(|it| !it["readinessProbe"].is_null());
        if !has_probe && workload.spec().list("/readinessGates").is_empty() {
            let message = format!(
                "no container has a readinessProbe, and Service {} sends traffic to its pods",
                service.name
            );
            found.add(Error, &workload.subject, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc302_no_readiness() {
        let spec = |spec: Value| {
            let bare = json!({"spec": {"template": {"spec": {"containers": [{"name": "main"}]}}}});
            healthy()
                .edit("Deployment/web", bare)
                .edit("Deployment/web", json!({"spec": {"template": {"spec": spec}}}))
        };
        let init = |policy: Value| json!({"initContainers": [{"name": "proxy", "restartPolicy": policy, "readinessProbe": {"tcpSocket": {"port": 1}}}]});
        let publishes = json!({"spec": {"publishNotReadyAddresses": true}});
        cases(
            &CHECK,
            &[
                ("no probe", spec(json!({})), &["deployment/web error"]),
                ("no Service", spec(json!({})).without("Service/web"), &[]),
                (
                    "no selector",
                    spec(json!({})).edit("Service/web", json!({"spec": {"selector": null}})),
                    &[],
                ),
                ("publishNotReadyAddresses", spec(json!({})).edit("Service/web", publishes), &[]),
                ("a gate", spec(json!({"readinessGates": [{"conditionType": "x"}]})), &[]),
                ("B6: a sidecar's probe", spec(init(json!("Always"))), &[]),
                ("B6: an init container's probe", spec(init(json!(null))), &["deployment/web error"]),
            ],
        );
    }
}
