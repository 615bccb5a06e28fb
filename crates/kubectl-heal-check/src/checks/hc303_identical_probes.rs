//! HC303: liveness and readiness ask the same, and liveness gives up first.

use cluster_model::Raw;

use super::check::{About, Check, Found};
use super::probe::{endpoint, seconds_of_failures};
use crate::finding::Severity::Warning;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC303",
    name: "identical-probes",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "livenessProbe and readinessProbe of a container ask the same endpoint, and the liveness probe fails no later than the readiness probe",
    why: "A container that is slow for a moment is restarted instead of being taken out of the Service.",
    remedy: "raise the livenessProbe's failureThreshold, or let it ask something that only a hang breaks",
    exceptions: "A liveness probe that waits longer than the readiness probe; ports are compared by number, gRPC probes also by service.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.runs_for_good()) {
        for container in workload.running_containers() {
            let (live, ready) = (&container["livenessProbe"], &container["readinessProbe"]);
            let asked = endpoint(container, live);
            let is_same = asked.is_some() && asked == endpoint(container, ready);
            let (after, other) = (seconds_of_failures(live), seconds_of_failures(ready));
            if is_same && after <= other {
                let message = format!(
                    "livenessProbe and readinessProbe of container {} ask the same: it is restarted after {after}s of failures, and not Ready after {other}s",
                    container.text("/name")
                );
                found.add(Warning, &workload.subject, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc303_identical_probes() {
        let with = |live: Value, ready: Value| {
            let container = json!({"name": "main", "ports": [{"name": "http", "containerPort": 8080}, {"name": "admin", "containerPort": 9090}],
                "livenessProbe": live, "readinessProbe": ready});
            healthy()
                .edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": [container]}}}}))
        };
        let http = |port: Value| json!({"httpGet": {"path": "/health", "port": port}});
        let grpc = |service: &str| json!({"grpc": {"port": 1, "service": service}});
        let patient = |mut probe: Value| {
            probe["failureThreshold"] = json!(30);
            probe
        };
        let fires: &[&str] = &["deployment/web warning"];
        cases(
            &CHECK,
            &[
                ("the same", with(http(json!(8080)), http(json!(8080))), fires),
                ("B1: two named ports", with(http(json!("http")), http(json!("admin"))), &[]),
                ("B2: by name and by number", with(http(json!("http")), http(json!(8080))), fires),
                ("B3: liveness waits longer", with(patient(http(json!(8080))), http(json!(8080))), &[]),
                ("readiness waits longer", with(http(json!(8080)), patient(http(json!(8080)))), fires),
                ("B4: two gRPC services", with(grpc("a"), grpc("b")), &[]),
                ("the same gRPC service", with(grpc("a"), grpc("a")), fires),
                (
                    "the same command",
                    with(json!({"exec": {"command": ["ok"]}}), json!({"exec": {"command": ["ok"]}})),
                    fires,
                ),
            ],
        );
    }
}
