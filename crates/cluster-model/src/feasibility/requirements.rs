//! What the scheduler reads of a pod's spec, in the form in which the rules read it. Pods of one template share it.

use k8s_openapi::api::core::v1::{
    NodeSelectorTerm, Pod, PodAffinityTerm, Toleration, TopologySpreadConstraint, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube_core::Selector;
use serde_json::{Value, json};

use super::declared_features;
use super::in_tree::plugin_of_disk;
use crate::pod::resources::{Amounts, place};
use crate::selector;

const DEFAULT_SCHEDULER: &str = "default-scheduler";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requirements {
    /// With one of `pods`.
    pub requests: Amounts,
    pub node_selector: Vec<(String, String)>,
    /// Required node affinity: one of these terms. `None`: it has none; an empty list matches no node.
    pub node_affinity: Option<Vec<NodeSelectorTerm>>,
    pub tolerations: Vec<Toleration>,
    pub ports: Vec<HostPort>,
    /// Only those with `DoNotSchedule`.
    pub spread: Vec<TopologySpreadConstraint>,
    /// The labels that these constraints read.
    pub spread_keys: Vec<String>,
    pub affinity: Vec<PodTerm>,
    pub anti_affinity: Vec<PodTerm>,
    pub volumes: Vec<VolumeUse>,
    pub kubelet_features: Vec<&'static str>,
    pub priority: i32,
    /// It may push pods of lower priority off a node (`preemptionPolicy`).
    pub may_preempt: bool,
    /// Why no rule here can decide for it.
    pub not_covered: Vec<String>,
}

/// A port of the node itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    pub protocol: String,
    /// `0.0.0.0` is every address.
    pub ip: String,
    pub port: i32,
}

/// A required term of pod affinity or anti-affinity.
#[derive(Clone, Debug, PartialEq)]
pub struct PodTerm {
    pub topology_key: String,
    /// `None` matches no pod.
    pub selector: Option<Selector>,
    pub namespaces: Vec<String>,
    /// Where neither this nor `namespaces` is set, the pod's own namespace is meant.
    pub namespace_selector: Option<Selector>,
    /// The labels that the selector reads.
    pub keys: Vec<String>,
}

impl PodTerm {
    pub fn is_about_own_namespace(&self) -> bool {
        self.namespaces.is_empty() && self.namespace_selector.is_none()
    }
}

/// A volume that has a say in where a pod can run.
#[derive(Clone, Debug, PartialEq)]
pub enum VolumeUse {
    /// The name of a PersistentVolumeClaim in the pod's namespace.
    Claim(String),
    /// A generic ephemeral volume: its claim is made together with the pod.
    Ephemeral { volume: String, storage_class: Option<String> },
    /// A disk named in the pod itself: of those that only one pod can use on a node (GCE PD, EBS, iSCSI, RBD), or of an in-tree type that a
    /// CSI driver has taken over, and whose limit it counts towards.
    Disk(Box<Volume>),
}

impl Requirements {
    pub fn of(pod: &Pod) -> Self {
        let Some(spec) = &pod.spec else { return Requirements::default() };
        let affinity = spec.affinity.as_ref();
        let required = affinity.and_then(|it| it.node_affinity.as_ref());
        let required =
            required.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
        let together = affinity.and_then(|it| it.pod_affinity.as_ref());
        let together =
            together.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
        let apart = affinity.and_then(|it| it.pod_anti_affinity.as_ref());
        let apart = apart.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
        Requirements {
            requests: place(&resources_of(pod)),
            node_selector: spec.node_selector.clone().unwrap_or_default().into_iter().collect(),
            node_affinity: required.map(|it| it.node_selector_terms.clone()),
            tolerations: spec.tolerations.clone().unwrap_or_default(),
            ports: host_ports(pod),
            spread_keys: spec
                .topology_spread_constraints
                .iter()
                .flatten()
                .flat_map(constraint_keys)
                .collect(),
            spread: enforced(spec.topology_spread_constraints.as_deref().unwrap_or_default()),
            affinity: together.into_iter().flatten().map(PodTerm::from).collect(),
            anti_affinity: apart.into_iter().flatten().map(PodTerm::from).collect(),
            volumes: spec.volumes.iter().flatten().filter_map(volume_use).collect(),
            kubelet_features: declared_features::used(pod),
            priority: spec.priority.unwrap_or_default(),
            may_preempt: spec.preemption_policy.as_deref() != Some("Never"),
            not_covered: not_covered(pod),
        }
    }

    /// The labels of pods that its terms and constraints read.
    pub fn label_keys(&self) -> impl Iterator<Item = &str> {
        let terms = self.affinity.iter().chain(&self.anti_affinity).flat_map(|term| &term.keys);
        terms.chain(&self.spread_keys).map(String::as_str)
    }

    /// Its node affinity names one node, as that of a DaemonSet's pods does (`pkg/controller/daemon/util`, ReplaceDaemonSetPodNodeNameNodeAffinity).
    pub fn is_meant_for_one_node(&self) -> bool {
        let names_one = |term: &NodeSelectorTerm| {
            let mut fields = term.match_fields.iter().flatten();
            fields.any(|field| {
                field.operator == "In" && field.values.as_ref().is_some_and(|all| all.len() == 1)
            })
        };
        matches!(self.node_affinity.as_deref(), Some([term]) if names_one(term))
    }

    /// Does a term of pod affinity select namespaces by their labels?
    pub fn selects_namespaces(&self) -> bool {
        self.affinity.iter().chain(&self.anti_affinity).any(|term| term.namespace_selector.is_some())
    }

    /// Pods with equal keys have equal requirements. Asked for every pod of a cluster: nothing is copied for it.
    pub fn key(pod: &Pod) -> String {
        let Some(spec) = &pod.spec else { return String::new() };
        let init = spec.init_containers.iter().flatten();
        let ports = host_ports(pod);
        let key = (
            spec.containers.iter().map(|it| &it.resources).collect::<Vec<_>>(),
            init.map(|it| (&it.resources, &it.restart_policy)).collect::<Vec<_>>(),
            (&spec.resources, &spec.overhead),
            ports.iter().map(|it| (&it.protocol, &it.ip, it.port)).collect::<Vec<_>>(),
            (&spec.node_selector, &spec.affinity),
            &spec.tolerations,
            &spec.topology_spread_constraints,
            spec.volumes.iter().flatten().filter(|volume| volume_use(volume).is_some()).collect::<Vec<_>>(),
            declared_features::used(pod),
            (spec.priority, &spec.preemption_policy),
            not_covered(pod),
        );
        serde_json::to_string(&key).unwrap_or_default()
    }
}

impl From<&PodAffinityTerm> for PodTerm {
    fn from(term: &PodAffinityTerm) -> Self {
        PodTerm {
            topology_key: term.topology_key.clone(),
            selector: selector::parse(term.label_selector.clone()),
            namespaces: term.namespaces.clone().unwrap_or_default(),
            namespace_selector: selector::parse(term.namespace_selector.clone()),
            keys: term.label_selector.iter().flat_map(selector_keys).collect(),
        }
    }
}

fn constraint_keys(constraint: &TopologySpreadConstraint) -> Vec<String> {
    let own = constraint.match_label_keys.iter().flatten().cloned();
    constraint.label_selector.iter().flat_map(selector_keys).chain(own).collect()
}

fn selector_keys(selector: &LabelSelector) -> Vec<String> {
    let labels = selector.match_labels.iter().flatten().map(|(key, _)| key.clone());
    labels.chain(selector.match_expressions.iter().flatten().map(|it| it.key.clone())).collect()
}

fn enforced(constraints: &[TopologySpreadConstraint]) -> Vec<TopologySpreadConstraint> {
    constraints.iter().filter(|it| it.when_unsatisfiable == "DoNotSchedule").cloned().collect()
}

/// The part of the spec that [`place`] reads.
fn resources_of(pod: &Pod) -> Value {
    let Some(spec) = &pod.spec else { return Value::Null };
    let main = spec.containers.iter().map(|it| json!({"resources": it.resources}));
    let init = spec.init_containers.iter().flatten();
    let init = init.map(|it| json!({"resources": it.resources, "restartPolicy": it.restart_policy}));
    json!({
        "containers": main.collect::<Vec<_>>(),
        "initContainers": init.collect::<Vec<_>>(),
        "resources": spec.resources,
        "overhead": spec.overhead,
    })
}

/// Ports of the containers and of init containers that go on running (`pkg/scheduler/util/utils.go`, GetHostPorts).
fn host_ports(pod: &Pod) -> Vec<HostPort> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|it| it.restart_policy.as_deref() == Some("Always"));
    let ports = spec.containers.iter().chain(sidecars).flat_map(|container| container.ports.iter().flatten());
    let host = ports.filter_map(|port| {
        let number = port.host_port.filter(|number| *number > 0)?;
        let ip = port.host_ip.clone().filter(|ip| !ip.is_empty());
        Some(HostPort {
            protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
            ip: ip.unwrap_or_else(|| "0.0.0.0".to_owned()),
            port: number,
        })
    });
    host.collect()
}

fn volume_use(volume: &Volume) -> Option<VolumeUse> {
    if let Some(claim) = &volume.persistent_volume_claim {
        return Some(VolumeUse::Claim(claim.claim_name.clone()));
    }
    if let Some(ephemeral) = &volume.ephemeral {
        let template = ephemeral.volume_claim_template.as_ref();
        let storage_class = template.and_then(|it| it.spec.storage_class_name.clone());
        return Some(VolumeUse::Ephemeral { volume: volume.name.clone(), storage_class });
    }
    let is_disk = plugin_of_disk(volume).is_some() || volume.iscsi.is_some() || volume.rbd.is_some();
    is_disk.then(|| VolumeUse::Disk(Box::new(volume.clone())))
}

fn not_covered(pod: &Pod) -> Vec<String> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let mut reasons = Vec::new();
    let scheduler = spec.scheduler_name.as_deref().unwrap_or(DEFAULT_SCHEDULER);
    if scheduler != DEFAULT_SCHEDULER {
        reasons.push(format!("scheduler {scheduler} places it"));
    }
    if spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty()) {
        reasons.push("it uses ResourceClaims".to_owned());
    }
    // The scheduler made a claim for it (`DRAExtendedResource`): other nodes may have the devices without listing the resource.
    if pod.status.as_ref().is_some_and(|status| status.extended_resource_claim_status.is_some()) {
        reasons.push("a DRA driver provides its extended resources".to_owned());
    }
    if spec.scheduling_gates.as_ref().is_some_and(|gates| !gates.is_empty()) {
        reasons.push("it has scheduling gates".to_owned());
    }
    if spec.scheduling_group.is_some() {
        reasons.push("it is scheduled together with a group of pods".to_owned());
    }
    reasons
}
