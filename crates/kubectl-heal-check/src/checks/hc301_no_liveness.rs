//! HC301: a container whose hang nobody notices.

use cluster_model::Raw;

use super::check::{About, Check, Found};
use crate::finding::Severity::{Info, Warning};
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC301",
    name: "no-liveness",
    about: About::Posture,
    severities: &[Warning, Info],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Services,
    ],
    fires_when: "a container that runs for ever has no livenessProbe",
    why: "A crash is healed by a restart; a process that hangs is not.",
    remedy: "add a livenessProbe that asks the process itself and nothing that it depends on",
    exceptions: "Pods of Jobs; init containers; info only for a container that declares no port in a pod that no Service selects.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.runs_for_good()) {
        let without: Vec<&str> = workload
            .containers()
            .iter()
            .filter(|it| it["livenessProbe"].is_null())
            .map(|it| it.text("/name"))
            .collect();
        if without.is_empty() {
            continue;
        }
        let has_port = workload.containers().iter().any(|it| !it.list("/ports").is_empty());
        let severity = if has_port || !workload.services.is_empty() { Warning } else { Info };
        found.add(
            severity,
            &workload.subject,
            format!("{} no livenessProbe: a hang is not noticed", containers(&without)),
        );
    }
}

/// `container main has`
fn containers(names: &[&str]) -> String {
    match names {
        [one] => format!("container {one} has"),
        several => format!("containers {} have", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, deployment, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc301_no_liveness() {
        let with = |containers: Value| {
            healthy()
                .edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": containers}}}}))
        };
        let probe = json!({"httpGet": {"port": 80}});
        let worker = healthy().with(deployment("worker", 2)).edit(
            "Deployment/worker",
            json!({"spec": {"template": {"spec": {"containers": [{"name": "main"}]}}}}),
        );
        let job = json!({"kind": "Job", "metadata": {"namespace": "shop", "name": "once", "uid": "job"},
            "spec": {"template": {"spec": {"containers": [{"name": "main"}]}}}});
        cases(
            &CHECK,
            &[
                ("no probe", with(json!([{"name": "main"}])), &["deployment/web warning"]),
                (
                    "one of two",
                    with(json!([{"name": "main", "livenessProbe": probe}, {"name": "log"}])),
                    &["deployment/web warning"],
                ),
                ("a worker", worker, &["deployment/worker info"]),
                ("a probe", with(json!([{"name": "main", "livenessProbe": probe}])), &[]),
                ("B5: a Job", healthy().with(job), &[]),
            ],
        );
    }
}
