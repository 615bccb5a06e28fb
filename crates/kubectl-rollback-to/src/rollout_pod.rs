//! What is read of a workload's pod, for a plan and while a rollout is followed: who made it, how it is, what its probes allow, and what
//! it requests. The rest of it is never in memory.

use std::collections::BTreeMap;

use cluster_model::pod::drop_ready_containers;
use k8s_openapi::api::core::v1::{
    Container, Pod, PodReadinessGate, PodSpec, PodStatus, Probe, ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ObjectMeta;
use plugin_client::api::lean_metadata::LeanMetadata;
use serde::{Deserialize, Deserializer};

/// Pods in one answer: a workload has hundreds of them, and an answer takes several times the memory of what is kept.
pub const PAGE: u32 = 100;

#[derive(Clone, Debug)]
pub struct RolloutPod(pub Pod);

impl<'de> Deserialize<'de> for RolloutPod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut pod = Pod::from(Wire::deserialize(deserializer)?);
        drop_ready_containers(&mut pod);
        Ok(RolloutPod(pod))
    }
}

#[derive(Deserialize)]
struct Wire {
    metadata: LeanMetadata,
    #[serde(default)]
    spec: Spec,
    status: Option<PodStatus>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: Option<String>,
    scheduler_name: Option<String>,
    readiness_gates: Option<Vec<PodReadinessGate>>,
    containers: Vec<WireContainer>,
    init_containers: Option<Vec<WireContainer>>,
    resources: Option<ResourceRequirements>,
    overhead: Option<BTreeMap<String, Quantity>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireContainer {
    name: String,
    image: Option<String>,
    restart_policy: Option<String>,
    readiness_probe: Option<Probe>,
    startup_probe: Option<Probe>,
    resources: Option<ResourceRequirements>,
}

impl From<Wire> for Pod {
    fn from(wire: Wire) -> Self {
        let Wire { metadata, spec, status } = wire;
        let containers = |all: Vec<WireContainer>| all.into_iter().map(Container::from).collect();
        Pod {
            metadata: ObjectMeta { annotations: None, ..metadata.into() },
            spec: Some(PodSpec {
                node_name: spec.node_name,
                scheduler_name: spec.scheduler_name,
                readiness_gates: spec.readiness_gates,
                containers: containers(spec.containers),
                init_containers: spec.init_containers.map(containers),
                resources: spec.resources,
                overhead: spec.overhead,
                ..PodSpec::default()
            }),
            status,
        }
    }
}

impl From<WireContainer> for Container {
    fn from(wire: WireContainer) -> Self {
        Container {
            name: wire.name,
            image: wire.image,
            restart_policy: wire.restart_policy,
            readiness_probe: wire.readiness_probe,
            startup_probe: wire.startup_probe,
            resources: wire.resources,
            ..Container::default()
        }
    }
}

plugin_client::part_of!(RolloutPod, Pod, 0.metadata);

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::PodExt;
    use cluster_model::pod::issue::events::explain;
    use cluster_model::pod::resources::{limits, requests};
    use serde_json::{Value, json};

    /// Everything that is read of a pod is there, and nothing else.
    #[test]
    fn a_trimmed_pod_shows_the_same_state() {
        let waiting =
            json!({"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}});
        let slow = json!({"state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "started": true});
        let ready = |reason: &str| {
            json!([{"type": "Ready", "status": "False", "reason": reason, "message": "m",
                "lastTransitionTime": "2026-01-01T00:00:05Z"}])
        };
        let probed = json!({"reason": "Unhealthy", "note": "probe failed: 500", "eventTime": "2026-01-01T00:00:09Z",
            "regarding": {"kind": "Pod", "uid": "u", "fieldPath": "spec.containers{web}"}});
        for (status, gate, events) in [
            (&waiting, "ContainersNotReady", vec![]),
            (&slow, "ContainersNotReady", vec![]),
            (&slow, "ContainersNotReady", vec![probed]),
            (&slow, "ReadinessGatesNotReady", vec![]),
        ] {
            let mut container =
                json!({"name": "web", "image": "web:1", "imageID": "", "ready": false, "restartCount": 2});
            cluster_model::build::merge(&mut container, status.clone());
            let wire = json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "web-0", "namespace": "shop", "uid": "u", "resourceVersion": "7",
                    "labels": {"app": "web"}, "annotations": {"big": "x"}, "finalizers": ["a/b"],
                    "creationTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30,
                    "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "w",
                        "controller": true}],
                    "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}]},
                "spec": {"nodeName": "n", "schedulerName": "own", "tolerations": [{"operator": "Exists"}],
                    "volumes": [{"name": "data", "emptyDir": {}}], "readinessGates": [{"conditionType": "g"}],
                    "overhead": {"cpu": "10m"}, "resources": {"limits": {"cpu": "1"}},
                    "initContainers": [{"name": "side", "restartPolicy": "Always", "image": "side:1",
                        "resources": {"requests": {"memory": "1Gi"}}}],
                    "containers": [{"name": "web", "image": "web:1", "env": [{"name": "a", "value": "b"}],
                        "readinessProbe": {"periodSeconds": 7, "failureThreshold": 5}}]},
                "status": {"phase": "Running", "containerStatuses": [container], "conditions": ready(gate)}});
            let whole: Pod = serde_json::from_value(wire.clone()).unwrap();
            let RolloutPod(watched) = serde_json::from_value(wire).unwrap();
            assert_eq!(explain(&watched, &events), explain(&whole, &events));
            assert!(explain::<Value>(&watched, &events).is_some());
            assert_eq!(watched.status, whole.status);
            assert_eq!((watched.node(), watched.finalizers()), (whole.node(), whole.finalizers()));
            assert_eq!(
                (watched.controller(), &watched.metadata.labels),
                (whole.controller(), &whole.metadata.labels)
            );
            assert_eq!(
                (watched.foreign_scheduler(), watched.metadata.resource_version.as_deref()),
                (Some("own"), Some("7"))
            );
            let spec = |pod: &Pod| serde_json::to_value(&pod.spec).unwrap();
            assert_eq!(requests(&spec(&watched)), requests(&spec(&whole)));
            assert_eq!(limits(&spec(&watched)), limits(&spec(&whole)));
            let spec = watched.spec.unwrap();
            assert_eq!((spec.volumes, spec.containers[0].env.clone()), (None, None));
            assert_eq!((watched.metadata.annotations, watched.metadata.managed_fields), (None, None));
        }
    }

    #[test]
    fn the_name_is_enough() {
        let RolloutPod(pod) = serde_json::from_value(json!({"metadata": {"name": "a", "uid": "u"}})).unwrap();
        assert_eq!((pod.name(), pod.node(), pod.phase()), ("a", "", ""));
    }
}
