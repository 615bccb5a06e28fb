//! HC802: a node that is short of memory, disk or processes.

use cluster_model::NodeExt;
use cluster_model::text::{count, span};
use k8s_openapi::api::core::v1::{Node, NodeCondition};

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::finding::Subject;
use crate::snapshot::{Read, Snapshot, Workload};

const PRESSURES: [&str; 3] = ["MemoryPressure", "DiskPressure", "PIDPressure"];

/// More are counted.
const NAMED: usize = 3;

pub const CHECK: Check = Check {
    id: "HC802",
    name: "node-pressure",
    about: About::Now,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
    ],
    fires_when: "a node reports MemoryPressure, DiskPressure or PIDPressure and has pods of the workloads in question",
    why: "The kubelet evicts its pods, without regard to disruption budgets: first those that use more than they request, of these the ones with the lowest priority.",
    remedy: "free what is short on the node, or move pods away; memory requests protect the pods that have them",
    exceptions: "Nodes without such pods.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for node in snapshot.nodes.iter() {
        for pressure in pressures(node) {
            let on_it = |workload: &&Workload| workload.active().any(|pod| &*pod.node == node.name());
            let workloads: Vec<&Workload> = snapshot.selected().filter(on_it).collect();
            if workloads.is_empty() {
                continue;
            }
            let since = pressure.last_transition_time.as_ref();
            let since =
                since.map_or_else(String::new, |at| format!(" for {}", span(snapshot.seconds_since(at.0))));
            let message = format!("{}{since}: it evicts pods{}", pressure.type_, first(&workloads));
            found.add(Warning, &Subject::new("Node", "", node.name()), message);
        }
    }
}

fn pressures(node: &Node) -> impl Iterator<Item = &NodeCondition> {
    let conditions = node.status.iter().flat_map(|it| it.conditions.iter().flatten());
    conditions.filter(|it| PRESSURES.contains(&it.type_.as_str()) && it.status == "True")
}

/// Those that request no memory use more than they request in any case (`pkg/kubelet/eviction/helpers.go`, rankMemoryPressure).
fn first(workloads: &[&Workload]) -> String {
    let without: Vec<String> =
        workloads.iter().filter(|it| requests_no_memory(it)).map(|it| it.subject.to_string()).collect();
    match without.as_slice() {
        [] => String::new(),
        names => {
            let more = names.len().saturating_sub(NAMED);
            let more =
                if more > 0 { format!(" and {}", count(more, "other workload")) } else { String::new() };
            format!(
                ", first those of {}{more}, which request no memory",
                names[..names.len().min(NAMED)].join(", ")
            )
        }
    }
}

fn requests_no_memory(workload: &Workload) -> bool {
    let amounts = cluster_model::pod::resources::requests(&workload.spec().to_value());
    !workload.containers().is_empty() && !amounts.contains_key("memory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc802_node_pressure() {
        let with = |kind: &str, status: &str| {
            let conditions = json!([{"type": "Ready", "status": "True"},
                {"type": kind, "status": status, "lastTransitionTime": "2026-01-01T23:50:00Z"}]);
            healthy().edit("Node/n1", json!({"status": {"conditions": conditions}}))
        };
        let fires: &[&str] = &["node/n1 warning"];
        cases(
            &CHECK,
            &[
                ("of memory", with("MemoryPressure", "True"), fires),
                ("of its disk", with("DiskPressure", "True"), fires),
                ("of processes", with("PIDPressure", "True"), fires),
                ("none", with("MemoryPressure", "False"), &[]),
                ("another condition", with("ReadonlyFilesystem", "True"), &[]),
                ("without pods", with("DiskPressure", "True").without("Pod/web-a"), &[]),
            ],
        );
        let pressed = with("MemoryPressure", "True");
        assert_eq!(pressed.message(&CHECK), "MemoryPressure for 10m: it evicts pods");
        let container = json!([{"name": "main", "resources": {"requests": {"cpu": "1"}}}]);
        let none = json!({"spec": {"template": {"spec": {"containers": null}}}});
        let pressed = pressed
            .edit("Deployment/web", none)
            .edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": container}}}}));
        assert_eq!(
            pressed.message(&CHECK),
            "MemoryPressure for 10m: it evicts pods, first those of deployment/web, which request no memory"
        );
    }
}
