//! HC411: pods that the kubelet evicts first.

use k8s_openapi::api::core::v1::PodSpec;
use serde::Deserialize;

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::resources::{reserves_memory, reserves_nothing};
use crate::snapshot::{Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC411",
    name: "qos",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Services,
    ],
    fires_when: "a Service selects pods that reserve nothing (BestEffort), or a container of which reserves no memory",
    why: "When a node runs short of memory, pods that use more than they requested are evicted first, and without a request that is any use.",
    remedy: "set resources.requests.memory of every container to what it uses",
    exceptions: "Workloads that no Service selects. A limit without a request is also the request. If it has pods, they are what counts: a LimitRange may have added requests.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let serving = |it: &&Workload| it.runs_for_good() && it.replicas != Some(0) && !it.services.is_empty();
    for workload in snapshot.posture().filter(serving) {
        let message = match of(workload) {
            (_, true) => {
                "its pods reserve nothing (BestEffort): a node that runs short of memory evicts them first"
            }
            (false, _) => {
                "not every container reserves memory: a node that runs short of it evicts the pods early"
            }
            _ => continue,
        };
        found.add(Warning, &workload.subject, message);
    }
}

/// Whether all memory is reserved, and whether nothing is.
fn of(workload: &Workload) -> (bool, bool) {
    if workload.active().next().is_some() {
        let memory = workload.active().all(|pod| pod.reserves_memory);
        return (memory, workload.active().any(|pod| pod.reserves_nothing));
    }
    // A template that cannot be read is not this check's concern.
    let spec = PodSpec::deserialize(workload.spec()).ok();
    spec.map_or((true, false), |spec| (reserves_memory(&spec), reserves_nothing(&spec)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc411_qos() {
        let with = |resources: Value| -> World {
            let spec = json!({"containers": [{"name": "main", "resources": resources}]});
            healthy()
                .edit_all("Pod", json!({"spec": spec}))
                .edit("Deployment/web", json!({"spec": {"template": {"spec": spec}}}))
        };
        let without_pods =
            |world: World| world.without("Pod/web-a").without("Pod/web-b").without("Pod/web-c");
        let fires: &[&str] = &["deployment/web warning"];
        let range = with(json!({})).edit_all(
            "Pod",
            json!({"spec": {"containers": [{"name": "main", "resources": {"requests": {"memory": "1Mi"}}}]}}),
        );
        cases(&CHECK, &[("nothing", with(json!({})), fires), ("by a LimitRange", range, &[])]);
        for (name, world, expected) in [
            ("no memory", with(json!({"requests": {"cpu": "1"}})), fires),
            ("a limit alone", with(json!({"limits": {"memory": "1Gi"}})), &[]),
            ("no pods", without_pods(with(json!({}))), fires),
            ("no Service", with(json!({})).without("Service/web"), &[]),
        ] {
            assert_eq!(world.found(&CHECK), expected, "{name}");
        }
        assert!(with(json!({})).message(&CHECK).contains("BestEffort"));
        assert!(!with(json!({"requests": {"cpu": "1"}})).message(&CHECK).contains("BestEffort"));
    }
}
