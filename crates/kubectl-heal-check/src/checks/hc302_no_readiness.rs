//! HC302: traffic before the pod can serve.

use super::check::{About, Check, Found};
use super::probe::is_ready_when_running;
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC302",
    name: "no-readiness",
    about: About::Posture,
    severities: &[Error, Warning],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Services,
    ],
    fires_when: "a Service selects the pods, and no container of theirs has a readinessProbe; a warning if the Service is headless, so that its clients find the pods by name",
    why: "A pod that is started again gets traffic before it can serve, and one that cannot serve keeps getting it.",
    remedy: "add a readinessProbe to the container that serves",
    exceptions: "Workloads that no Service selects; Services with publishNotReadyAddresses, and those of type ExternalName, whose selector is ignored; readinessGates; a probe of a sidecar counts, one of another init container does not.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.runs_for_good() && is_ready_when_running(it)) {
        // Those with an address of their own first.
        let services = workload.services.iter().filter(|it| !it.publishes_not_ready);
        let Some(service) = services.min_by_key(|it| it.is_headless) else { continue };
        let (severity, what) = match service.is_headless {
            true => {
                (Warning, format!("Service {} lists its pods in the DNS as soon as they run", service.name))
            }
            false => (Error, format!("Service {} sends traffic to its pods", service.name)),
        };
        found.add(severity, &workload.subject, format!("no container has a readinessProbe, and {what}"));
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
        let headless = || json!({"spec": {"clusterIP": "None"}});
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
                ("headless", spec(json!({})).edit("Service/web", headless()), &["deployment/web warning"]),
                (
                    "headless, and another one",
                    spec(json!({})).edit("Service/web", headless()).with(json!({"kind": "Service",
                        "metadata": {"namespace": "shop", "name": "front"}, "spec": {"clusterIP": "10.0.0.1", "selector": {"app": "web"}}})),
                    &["deployment/web error"],
                ),
                (
                    "ExternalName",
                    spec(json!({})).edit("Service/web", json!({"spec": {"type": "ExternalName"}})),
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
