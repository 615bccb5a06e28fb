//! A pod as it comes in the lists of whole clusters. Most of its JSON is about what nothing here reads, managedFields and environments above
//! all, and to take that apart costs several times what the rest does: it is skipped.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cluster_model::owner::OwnerKey;
use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerPort, ContainerRestartRule, Pod, PodReadinessGate, PodResourceClaim,
    PodSchedulingGate, PodSchedulingGroup, PodSpec, PodStatus, ResourceRequirements, Toleration,
    TopologySpreadConstraint, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::lean_metadata::LeanMetadata;

/// Without managedFields, and without what [`Spec`] and [`Main`] leave out. The spec of a pod is whole if no controller of Kubernetes has its
/// template, because then it is the only one there is.
#[derive(Clone, Debug)]
pub struct ListedPod(pub Pod);

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    affinity: Option<Affinity>,
    #[serde(default)]
    containers: Vec<Main>,
    host_network: Option<bool>,
    host_users: Option<bool>,
    init_containers: Option<Vec<Main>>,
    node_name: Option<String>,
    node_selector: Option<BTreeMap<String, String>>,
    overhead: Option<BTreeMap<String, Quantity>>,
    preemption_policy: Option<String>,
    priority: Option<i32>,
    readiness_gates: Option<Vec<PodReadinessGate>>,
    resource_claims: Option<Vec<PodResourceClaim>>,
    resources: Option<ResourceRequirements>,
    scheduler_name: Option<String>,
    scheduling_gates: Option<Vec<PodSchedulingGate>>,
    scheduling_group: Option<PodSchedulingGroup>,
    termination_grace_period_seconds: Option<i64>,
    tolerations: Option<Vec<Toleration>>,
    topology_spread_constraints: Option<Vec<TopologySpreadConstraint>>,
    volumes: Option<Vec<Volume>>,
}

/// What the scheduler reads of a container.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Main {
    name: String,
    ports: Option<Vec<ContainerPort>>,
    resources: Option<ResourceRequirements>,
    restart_policy: Option<String>,
    restart_policy_rules: Option<Vec<ContainerRestartRule>>,
    volume_mounts: Option<Vec<Mount>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mount {
    bind_mount_options: Option<Vec<String>>,
}

impl From<Spec> for PodSpec {
    fn from(spec: Spec) -> Self {
        PodSpec {
            affinity: spec.affinity,
            containers: spec.containers.into_iter().map(Container::from).collect(),
            host_network: spec.host_network,
            host_users: spec.host_users,
            init_containers: spec.init_containers.map(|all| all.into_iter().map(Container::from).collect()),
            node_name: spec.node_name,
            node_selector: spec.node_selector,
            overhead: spec.overhead,
            preemption_policy: spec.preemption_policy,
            priority: spec.priority,
            readiness_gates: spec.readiness_gates,
            resource_claims: spec.resource_claims,
            resources: spec.resources,
            scheduler_name: spec.scheduler_name,
            scheduling_gates: spec.scheduling_gates,
            scheduling_group: spec.scheduling_group,
            termination_grace_period_seconds: spec.termination_grace_period_seconds,
            tolerations: spec.tolerations,
            topology_spread_constraints: spec.topology_spread_constraints,
            volumes: spec.volumes,
            ..PodSpec::default()
        }
    }
}

impl From<Main> for Container {
    fn from(container: Main) -> Self {
        let mount =
            |it: Mount| VolumeMount { bind_mount_options: it.bind_mount_options, ..VolumeMount::default() };
        Container {
            name: container.name,
            ports: container.ports,
            resources: container.resources,
            restart_policy: container.restart_policy,
            restart_policy_rules: container.restart_policy_rules,
            volume_mounts: container.volume_mounts.map(|all| all.into_iter().map(mount).collect()),
            ..Container::default()
        }
    }
}

impl<'de> Deserialize<'de> for ListedPod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = ListedPod;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a pod")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<ListedPod, A::Error> {
        let mut pod = Pod::default();
        let mut has_known_template = false;
        while let Some(field) = fields.next_key::<Cow<'_, str>>()? {
            match &*field {
                "metadata" => {
                    pod.metadata = fields.next_value::<LeanMetadata>()?.into();
                    has_known_template =
                        OwnerKey::controller_of(&pod.metadata).is_some_and(|it| it.has_known_template());
                }
                "spec" if has_known_template => {
                    pod.spec = fields.next_value::<Option<Spec>>()?.map(PodSpec::from);
                }
                "spec" => pod.spec = fields.next_value()?,
                "status" => pod.status = fields.next_value::<Option<PodStatus>>()?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(ListedPod(pod))
    }
}

crate::part_of!(ListedPod, Pod, 0.metadata);

#[cfg(test)]
mod tests {
    use cluster_model::feasibility::Requirements;
    use cluster_model::pod::resources::occupied;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use serde_json::{Value, json};

    use super::*;

    /// Every field that something reads, and some that nothing does.
    fn whole(owner: &Value) -> Value {
        let resources = json!({"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}});
        let container = json!({"name": "main", "image": "x", "env": [{"name": "A", "value": "b"}], "resources": resources, "restartPolicy": "Always",
            "restartPolicyRules": [{"action": "RestartAllContainers"}], "ports": [{"containerPort": 80, "hostPort": 80}],
            "volumeMounts": [{"name": "v", "mountPath": "/v", "bindMountOptions": ["noexec"]}]});
        let term = json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}});
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web", "namespace": "shop", "uid": "u", "labels": {"app": "web"}, "annotations": {"a": "b"},
                "ownerReferences": [owner], "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-01T00:01:00Z",
                "deletionGracePeriodSeconds": 30, "finalizers": ["f"], "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {}}}]},
            "spec": {"containers": [container], "initContainers": [container], "hostNetwork": true, "hostUsers": false, "nodeName": "n1",
                "nodeSelector": {"a": "b"}, "overhead": {"cpu": "1m"}, "preemptionPolicy": "Never", "priority": 7, "schedulerName": "other", "readinessGates": [{"conditionType": "example.com/gate"}],
                "resourceClaims": [{"name": "c"}], "resources": resources, "schedulingGates": [{"name": "g"}], "schedulingGroup": {"podGroupName": "g"},
                "terminationGracePeriodSeconds": 9, "tolerations": [{"operator": "Exists"}], "serviceAccountName": "x",
                "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}],
                "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]},
            "status": {"phase": "Running", "containerStatuses": [{"name": "main", "image": "x", "imageID": "", "ready": true, "restartCount": 0,
                "resources": {"requests": {"cpu": "2"}}}]}})
    }

    fn owner(api_version: &str, kind: &str) -> Value {
        json!({"apiVersion": api_version, "kind": kind, "name": "o", "uid": "o", "controller": true})
    }

    fn listed(pod: &Value) -> Pod {
        serde_json::from_str::<ListedPod>(&pod.to_string()).unwrap().0
    }

    #[test]
    fn nothing_is_left_out_that_the_scheduler_reads() {
        let json = whole(&owner("apps/v1", "ReplicaSet"));
        let (lean, full) = (listed(&json), serde_json::from_value::<Pod>(json).unwrap());
        assert_eq!(Requirements::key(&lean), Requirements::key(&full));
        assert_eq!(Requirements::of(&lean), Requirements::of(&full));
        let none = BTreeMap::new();
        assert_eq!(occupied(&lean, &none), occupied(&full, &none));
        assert_eq!(lean.status, full.status);
        assert_eq!(lean.spec.as_ref().unwrap().readiness_gates, full.spec.as_ref().unwrap().readiness_gates);
        let without = ObjectMeta { managed_fields: None, ..full.metadata };
        assert_eq!(lean.metadata, without);
        assert_eq!(lean.spec.unwrap().containers[0].env, None, "what nothing reads is skipped");
    }

    #[test]
    fn a_pod_without_a_known_template_is_whole() {
        for owner in [
            owner("example.com/v1", "Database"),
            json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "o", "uid": "o"}),
        ] {
            let json = whole(&owner);
            assert_eq!(listed(&json).spec, serde_json::from_value::<Pod>(json).unwrap().spec, "{owner}");
        }
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        let owner = owner("apps/v1", "ReplicaSet");
        let Value::Object(mut fields) = whole(&owner) else { unreachable!() };
        let text = |name: &str, value: &Value| format!("{}:{value}", json!(name));
        let metadata = fields.remove("metadata").unwrap();
        let mut parts: Vec<String> = fields.iter().map(|(name, value)| text(name, value)).collect();
        parts.push(text("metadata", &metadata));
        let pod = serde_json::from_str::<ListedPod>(&format!("{{{}}}", parts.join(","))).unwrap().0;
        assert_eq!(pod.metadata.name.as_deref(), Some("web"));
        assert_eq!(pod.spec.unwrap().node_name.as_deref(), Some("n1"));
    }
}
