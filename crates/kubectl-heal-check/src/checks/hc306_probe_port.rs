//! HC306: a probe of a port that has no number.

use cluster_model::Raw;

use super::check::{About, Check, Found};
use super::probe::undeclared_port;
use crate::finding::Severity::Error;
use crate::snapshot::{Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC306",
    name: "probe-port",
    about: About::Posture,
    severities: &[Error],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "a probe names a port that its container does not declare",
    why: "The probe can never succeed: the kubelet finds no number for the name.",
    remedy: "declare the port under this name, or write its number",
    exceptions: "Numbers need not be declared.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.runs_for_good()) {
        for (container, kind, port) in undeclared(workload) {
            let message =
                format!("{kind} of container {container} asks port {port:?}, which it does not declare");
            found.add(Error, &workload.subject, message);
        }
    }
}

/// Containers with their probes and the ports that these name.
fn undeclared(workload: &Workload) -> impl Iterator<Item = (&str, &'static str, String)> {
    workload.running_containers().flat_map(|container| {
        let kinds = ["startupProbe", "readinessProbe", "livenessProbe"].into_iter();
        kinds.filter_map(|kind| {
            Some((container.text("/name"), kind, undeclared_port(container, &container[kind])?))
        })
    })
}

/// The first container with a probe that can never succeed, and the probe.
pub fn unanswered_probe(workload: &Workload) -> Option<(&str, &'static str)> {
    undeclared(workload).next().map(|(container, kind, _)| (container, kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc306_probe_port() {
        let with = |port: Value| {
            let container = json!({"name": "main", "ports": [{"name": "http", "containerPort": 8080}], "startupProbe": {"tcpSocket": {"port": port}}});
            healthy()
                .edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": [container]}}}}))
        };
        cases(
            &CHECK,
            &[
                ("a wrong name", with(json!("htpp")), &["deployment/web error"]),
                ("a declared name", with(json!("http")), &[]),
                ("an undeclared number", with(json!(9999)), &[]),
            ],
        );
    }
}
