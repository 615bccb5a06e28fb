//! What a snapshot keeps of an object: what a plan reads. Least of all what may be secret: environment, commands, arguments, parameters of
//! volumes, messages of containers.

use k8s_openapi::Metadata;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::apps::v1::{DaemonSet, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    Container, ContainerStatus, EphemeralVolumeSource, Namespace, Node, PersistentVolume,
    PersistentVolumeClaim, Pod, PodSpec, PodTemplateSpec, ReplicationController, Service, ServiceSpec,
    Volume, VolumeMount,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ObjectMeta};
use serde_json::json;

use cluster_model::NodeExt;
use cluster_model::managed_fields::Entry;

/// Who cordoned a node is read of these.
const CORDON: &str = "/f:spec/f:unschedulable";

/// Annotations that a plan reads.
const ANNOTATIONS: [&str; 7] = [
    "kubernetes.io/config.mirror",
    "volume.kubernetes.io/selected-node",
    "volume.beta.kubernetes.io/storage-class",
    "pv.kubernetes.io/bind-completed",
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
    "storage.alpha.kubernetes.io/migrated-plugins",
];

pub trait Strip: Metadata<Ty = ObjectMeta> + Sized {
    /// What is dropped besides metadata.
    fn strip_rest(&mut self) {}

    #[must_use]
    fn stripped(mut self) -> Self {
        self.strip_rest();
        let metadata = self.metadata_mut();
        metadata.managed_fields = metadata.managed_fields.take().filter(|_| Self::KEEPS_MANAGERS);
        if let Some(annotations) = &mut metadata.annotations {
            annotations.retain(|key, _| ANNOTATIONS.contains(&key.as_str()));
        }
        self
    }

    const KEEPS_MANAGERS: bool = false;
}

impl Strip for Node {
    const KEEPS_MANAGERS: bool = true;

    /// Of the managers only the ones who cordoned it remain, and of their fields this one.
    fn strip_rest(&mut self) {
        let is_cordoned = self.is_cordoned();
        let all = self.metadata.managed_fields.take().filter(|_| is_cordoned).unwrap_or_default();
        let mut cordons: Vec<_> = all.into_iter().filter(|entry| Entry::from(entry).has(CORDON)).collect();
        for entry in &mut cordons {
            entry.fields_v1 = Some(FieldsV1(json!({"f:spec": {"f:unschedulable": {}}})));
        }
        self.metadata.managed_fields = (!cordons.is_empty()).then_some(cordons);
        *self = std::mem::take(self).without_images_and_volumes();
        if let Some(status) = &mut self.status {
            (status.node_info, status.addresses, status.config, status.daemon_endpoints) = Default::default();
        }
    }
}

impl Strip for Pod {
    fn strip_rest(&mut self) {
        if let Some(spec) = &mut self.spec {
            strip_spec(spec);
        }
        let Some(status) = &mut self.status else { return };
        let containers = status.container_statuses.iter_mut().chain(&mut status.init_container_statuses);
        containers.flatten().for_each(strip_status);
        (status.ephemeral_container_statuses, status.host_ip, status.host_ips) = Default::default();
        (status.pod_ip, status.pod_ips) = Default::default();
    }
}

fn strip_spec(spec: &mut PodSpec) {
    spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()).for_each(|container| {
        *container = Container {
            name: std::mem::take(&mut container.name),
            ports: container.ports.take(),
            resources: container.resources.take(),
            restart_policy: container.restart_policy.take(),
            // Features of the kubelet that the pod needs (`cluster_model::feasibility::declared_features`).
            restart_policy_rules: container.restart_policy_rules.take(),
            volume_mounts: mounts_with_options(container.volume_mounts.take()),
            ..Container::default()
        };
    });
    spec.volumes.iter_mut().flatten().for_each(strip_volume);
    (spec.ephemeral_containers, spec.image_pull_secrets, spec.security_context) = Default::default();
    (spec.dns_config, spec.host_aliases, spec.hostname, spec.subdomain) = Default::default();
    (spec.service_account, spec.service_account_name) = Default::default();
}

fn mounts_with_options(mounts: Option<Vec<VolumeMount>>) -> Option<Vec<VolumeMount>> {
    let with_options = mounts.into_iter().flatten().filter(|mount| mount.bind_mount_options.is_some());
    let kept: Vec<VolumeMount> = with_options
        .map(|mount| VolumeMount {
            name: mount.name,
            bind_mount_options: mount.bind_mount_options,
            ..VolumeMount::default()
        })
        .collect();
    (!kept.is_empty()).then_some(kept)
}

fn strip_volume(volume: &mut Volume) {
    // Its address may have a password in it.
    if let Some(repository) = &mut volume.git_repo {
        *repository = Default::default();
    }
    // A copy of an object in the API: that it is one is all that counts.
    if volume.projected.is_some() {
        volume.projected = Some(Default::default());
    }
    if volume.downward_api.is_some() {
        volume.downward_api = Some(Default::default());
    }
    if let Some(map) = &mut volume.config_map {
        map.items = None;
    }
    if volume.secret.is_some() {
        volume.secret = Some(Default::default());
    }
    if let Some(csi) = &mut volume.csi {
        (csi.volume_attributes, csi.node_publish_secret_ref) = Default::default();
    }
    if let Some(flex) = &mut volume.flex_volume {
        (flex.options, flex.secret_ref) = Default::default();
    }
    if let Some(EphemeralVolumeSource { volume_claim_template: Some(template) }) = &mut volume.ephemeral {
        template.metadata = None;
    }
}

/// The kubelet's own words remain, the container's do not.
fn strip_status(status: &mut ContainerStatus) {
    (status.image, status.image_id) = Default::default();
    (status.container_id, status.volume_mounts, status.user) = Default::default();
    for state in [&mut status.state, &mut status.last_state].into_iter().flatten() {
        if let Some(ended) = &mut state.terminated {
            (ended.message, ended.container_id) = Default::default();
        }
    }
}

/// Its labels, its node and its gates.
fn strip_template(template: &mut PodTemplateSpec) {
    let labels = template.metadata.take().and_then(|metadata| metadata.labels);
    template.metadata = Some(ObjectMeta { labels, ..ObjectMeta::default() });
    let PodSpec { node_name, scheduling_gates, .. } = template.spec.take().unwrap_or_default();
    template.spec = Some(PodSpec { node_name, scheduling_gates, ..PodSpec::default() });
}

impl Strip for ReplicaSet {
    fn strip_rest(&mut self) {
        self.spec.template.iter_mut().for_each(strip_template);
    }
}

impl Strip for StatefulSet {
    fn strip_rest(&mut self) {
        strip_template(&mut self.spec.template);
        self.spec.volume_claim_templates = None;
    }
}

impl Strip for DaemonSet {
    fn strip_rest(&mut self) {
        strip_template(&mut self.spec.template);
    }
}

impl Strip for Job {
    fn strip_rest(&mut self) {
        self.spec.iter_mut().for_each(|spec| strip_template(&mut spec.template));
    }
}

impl Strip for ReplicationController {
    fn strip_rest(&mut self) {
        self.spec.iter_mut().filter_map(|spec| spec.template.as_mut()).for_each(strip_template);
    }
}

impl Strip for PersistentVolume {
    fn strip_rest(&mut self) {
        if let Some(spec) = &mut self.spec {
            // As SMB has its password there.
            spec.mount_options = None;
        }
        let csi = self.spec.as_mut().and_then(|spec| spec.csi.as_mut());
        if let Some(csi) = csi {
            csi.volume_attributes = None;
            (csi.controller_expand_secret_ref, csi.controller_publish_secret_ref) = Default::default();
            (csi.node_expand_secret_ref, csi.node_publish_secret_ref, csi.node_stage_secret_ref) =
                Default::default();
        }
        if let Some(flex) = self.spec.as_mut().and_then(|spec| spec.flex_volume.as_mut()) {
            (flex.options, flex.secret_ref) = Default::default();
        }
    }
}

impl Strip for StorageClass {
    fn strip_rest(&mut self) {
        (self.parameters, self.mount_options) = Default::default();
    }
}

impl Strip for VolumeAttachment {
    fn strip_rest(&mut self) {
        self.spec.source.inline_volume_spec = None;
        self.status = None;
    }
}

impl Strip for Service {
    fn strip_rest(&mut self) {
        let selector = self.spec.take().and_then(|spec| spec.selector);
        self.spec = Some(ServiceSpec { selector, ..ServiceSpec::default() });
        self.status = None;
    }
}

impl Strip for ValidatingWebhookConfiguration {
    fn strip_rest(&mut self) {
        self.webhooks.iter_mut().flatten().for_each(|hook| strip_client(&mut hook.client_config));
    }
}

impl Strip for MutatingWebhookConfiguration {
    fn strip_rest(&mut self) {
        self.webhooks.iter_mut().flatten().for_each(|hook| strip_client(&mut hook.client_config));
    }
}

fn strip_client(client: &mut WebhookClientConfig) {
    (client.ca_bundle, client.url) = Default::default();
}

impl Strip for PodDisruptionBudget {}
impl Strip for PersistentVolumeClaim {}
impl Strip for Namespace {}
impl Strip for CSINode {}
impl Strip for CSIDriver {}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::owner::Workload;
    use serde_json::Value;

    const SECRET: &str = "hunter2";

    #[track_caller]
    fn stripped<K: Strip + serde::de::DeserializeOwned + serde::Serialize>(object: Value) -> Value {
        assert!(object.to_string().contains(SECRET), "nothing to strip: {object}");
        let typed: K = serde_json::from_value(object).unwrap();
        let left = serde_json::to_value(typed.stripped()).unwrap();
        assert!(!left.to_string().contains(SECRET), "{left}");
        left
    }

    fn volume(volume: Value) -> Value {
        json!({"metadata": {"name": "p"}, "spec": {"containers": [], "volumes": [volume]}})
    }

    #[test]
    fn what_may_be_a_password_is_not_in_a_snapshot() {
        stripped::<PersistentVolume>(
            json!({"metadata": {"name": "v"}, "spec": {"mountOptions": ["vers=3.0", format!("password={SECRET}")]}}),
        );
        stripped::<StorageClass>(json!({"metadata": {"name": "s"}, "provisioner": "p",
            "parameters": {"key": SECRET}, "mountOptions": [SECRET]}));
        for source in [
            json!({"name": "git", "gitRepo": {"repository": format!("https://user:{SECRET}@host/x.git")}}),
            json!({"name": "csi", "csi": {"driver": "d", "volumeAttributes": {"token": SECRET}}}),
            json!({"name": "flex", "flexVolume": {"driver": "d", "options": {"password": SECRET}}}),
            json!({"name": "secret", "secret": {"secretName": SECRET}}),
        ] {
            stripped::<Pod>(volume(source));
        }
        let container = json!({"name": "c", "image": "i", "command": [SECRET], "args": [SECRET],
            "env": [{"name": "PASSWORD", "value": SECRET}],
            "livenessProbe": {"exec": {"command": ["sh", "-c", SECRET]}}});
        let pod = stripped::<Pod>(json!({"metadata": {"name": "p", "annotations": {"key": SECRET}},
            "spec": {"containers": [container]}}));
        assert_eq!(pod["spec"]["containers"], json!([{"name": "c"}]));
    }

    #[test]
    fn what_a_plan_reads_of_a_controller_is_in_a_snapshot() {
        let container = json!({"name": "c", "command": [SECRET]});
        let spec = json!({"nodeName": "n1", "schedulingGates": [{"name": "g"}], "containers": [container]});
        let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": spec});
        let set = stripped::<ReplicaSet>(json!({
            "metadata": {"name": "web", "deletionTimestamp": "2027-01-15T08:00:00Z"},
            "spec": {"replicas": 3, "selector": {}, "template": template},
        }));
        let workload = Workload::from(serde_json::from_value::<ReplicaSet>(set).unwrap());
        assert!(workload.is_terminating && workload.has_gates);
        assert_eq!((workload.pinned_to.as_deref(), workload.pod_labels.len()), (Some("n1"), 1));
    }
}
