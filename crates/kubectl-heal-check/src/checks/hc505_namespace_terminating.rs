//! HC505: a namespace that is being deleted.

use cluster_model::secret::clean;
use cluster_model::text::{count, shorten};
use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::finding::Subject;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC505",
    name: "namespace-terminating",
    about: About::Now,
    severities: &[Error],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::Namespaces,
    ],
    fires_when: "a namespace with workloads is being deleted",
    why: "The API server creates nothing in it: a pod that is lost is not replaced.",
    remedy: "let the deletion finish, or find in its conditions what holds it up: kubectl get namespace NAME -o yaml",
    exceptions: "None.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for namespace in snapshot.all(Read::Namespaces).iter().filter(|it| is_terminating(it)) {
        let name = namespace.name();
        let workloads = snapshot.selected().filter(|it| it.subject.namespace == name).count();
        if workloads > 0 {
            let message = format!(
                "is being deleted, with {}: nothing is recreated in it{}",
                count(workloads, "workload"),
                held_up(namespace)
            );
            found.add(Error, &Subject::of_namespace(name), message);
        }
    }
}

fn is_terminating(namespace: &Json) -> bool {
    namespace.text("/status/phase") == "Terminating" || !namespace["metadata"]["deletionTimestamp"].is_null()
}

/// The namespace controller says so in conditions that are True (`pkg/controller/namespace/deletion/status_condition_utils.go`).
fn held_up(namespace: &Json) -> String {
    let mut conditions = namespace.list("/status/conditions").iter().filter(|it| it["status"] == "True");
    conditions
        .next()
        .map_or_else(String::new, |it| format!(" ({})", shorten(&clean(it.text("/message")), 200)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc505_namespace_terminating() {
        let namespace = |name: &str, phase: &str| {
            healthy()
                .with(json!({"kind": "Namespace", "metadata": {"name": name}, "status": {"phase": phase}}))
        };
        let condition = json!({"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content has finalizers remaining: x in 1 resource instances"});
        let held = namespace("shop", "Terminating")
            .edit("Namespace/shop", json!({"status": {"conditions": [condition]}}));
        assert!(
            held.message(&CHECK)
                .ends_with("(Some content has finalizers remaining: x in 1 resource instances)")
        );
        cases(
            &CHECK,
            &[
                ("terminating", namespace("shop", "Terminating"), &["namespace/shop error"]),
                ("active", namespace("shop", "Active"), &[]),
                ("without workloads", namespace("empty", "Terminating"), &[]),
            ],
        );
    }
}
