//! HC509: a Service that leads nowhere.

use super::check::{About, Check, Found};
use super::service_pods::services;
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC509",
    name: "service-empty",
    about: About::Now,
    severities: &[Error, Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::Services,
    ],
    fires_when: "a Service selects no pod and no pod template of its namespace; an error if it selects some but the name of its targetPort is declared by none of their containers",
    why: "Pods that heal get no traffic through it.",
    remedy: "correct the selector, or the name of the targetPort, to what the pods have",
    exceptions: "Services without a selector and of the type ExternalName; a workload that is scaled to zero still has its template. Of manifests (-f) only the targetPort is judged: what a Service selects may be in other files.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for service in services(snapshot) {
        // The pods may be made by what is in other files, or of a kind that is not read.
        if service.workloads.is_empty() && !snapshot.origin.is_manifests() {
            found.add(Warning, &service.subject, "selects no pod and no pod template");
        } else if let Some(port) = service.undeclared_port() {
            let message =
                format!("its targetPort {port:?} is declared by no container of the pods that it selects");
            found.add(Error, &service.subject, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc509_service_empty() {
        let web = |spec: Value| healthy().edit("Service/web", json!({"spec": spec}));
        let other = || json!({"selector": {"app": "other"}});
        let target = |name: &str| web(json!({"ports": [{"port": 80, "targetPort": name}]}));
        let zero = healthy()
            .edit("Deployment/web", json!({"spec": {"replicas": 0}}))
            .without("Pod/web-a")
            .without("Pod/web-b")
            .without("Pod/web-c");
        cases(
            &CHECK,
            &[
                ("it selects nothing", web(other()), &["service/web warning"]),
                ("scaled to zero", zero, &[]),
                ("no selector", web(json!({"selector": null})), &[]),
                (
                    "ExternalName",
                    web(other()).edit("Service/web", json!({"spec": {"type": "ExternalName"}})),
                    &[],
                ),
                ("a port that nobody has", target("htpp"), &["service/web error"]),
                ("a port that is declared", target("http"), &[]),
            ],
        );
    }
}
