//! One workload by its top owner: what it wants, the template of its pods, and the pods it has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use cluster_model::feasibility::Requirements;
use cluster_model::healing::node_loss::{Deletion, deletion, with_defaults};
use cluster_model::healing::restart_policy::running_containers;
use cluster_model::rollout::Kind as RolloutKind;
use cluster_model::rollout::update_strategy::Moves;
use cluster_model::{Json, Raw, selector};
use k8s_openapi::api::core::v1::{Pod, Toleration};
use kube::core::Selector;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::pod::PodState;
use super::strip::is_leader_election;
use super::template::Template;
use crate::finding::Subject;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    /// Without a Deployment; also a ReplicationController, whose controller is the same (pkg/controller/replication).
    ReplicaSet,
    /// Also a CronJob.
    Job,
    /// Without a controller.
    Pod,
    /// Owned by something that is not read, or that is gone.
    Other,
}

/// What makes a pod again that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recreated {
    ByController,
    /// An operator's object.
    ByOperator,
    /// The owner that the pods name does not exist.
    OwnerMissing,
    /// Their owner is being deleted: its controller makes no more pods.
    OwnerGoing,
    /// Why it is not known whether the owner exists.
    Unknown(String),
    Never,
}

static NO_SPEC: Json = Json::Null;

#[derive(Clone, Debug)]
pub struct Workload {
    pub subject: Subject,
    pub uid: Arc<str>,
    pub kind: Kind,
    pub recreated: Recreated,
    /// As read, without its template; null for what is not read.
    pub object: Json,
    /// What its pods are made from, where that is known.
    pub template: Option<Template>,
    /// `spec.replicas`; `None` for kinds without.
    pub replicas: Option<i64>,
    /// The name of the autoscaler that sets its replicas, and its minimum.
    pub autoscaler: Option<(String, i64)>,
    pub pods: Vec<Arc<PodState>>,
    /// By their position in the snapshot.
    pub budgets: Vec<usize>,
    pub services: Vec<Service>,
    /// Hosts that its environment names (`snapshot::hosts`).
    pub hosts: BTreeSet<String>,
    /// The command line means it.
    pub is_selected: bool,
    /// In a namespace of Kubernetes itself that was not named.
    pub is_system: bool,
    /// [`Self::requirements`], once they are asked for: most checks of placement do.
    pub wanted: OnceLock<Requirements>,
}

/// A Service that selects its pods.
#[derive(Clone, Debug)]
pub struct Service {
    pub name: String,
    /// Without an address of its own: its clients look up those of the pods.
    pub is_headless: bool,
    pub publishes_not_ready: bool,
    pub ports: Vec<i64>,
}

impl Workload {
    /// A ReplicaSet that may be one of several of a Deployment, which could not be read.
    pub fn is_part_of_unread(&self) -> bool {
        self.subject.kind == "ReplicaSet" && matches!(self.recreated, Recreated::Unknown(_))
    }

    /// The replicas that it may be reduced to: the autoscaler's minimum, or `spec.replicas`.
    pub fn least(&self) -> i64 {
        let own = self.replicas.unwrap_or(1);
        match &self.autoscaler {
            // With none, an autoscaler does nothing (pkg/controller/podautoscaler/horizontal.go, ScalingDisabled).
            Some((_, least)) if own > 0 => *least,
            _ => own,
        }
    }

    /// It has a number of replicas, that is.
    pub fn is_scaled(&self) -> bool {
        self.replicas.is_some()
    }

    /// What the scheduler reads of its template. A template that names a node wants that one.
    pub fn requirements(&self) -> &Requirements {
        self.wanted.get_or_init(|| requirements(self.spec().to_value()))
    }

    /// The node that the template of its controller names: no scheduler places its pods.
    pub fn pinned_to(&self) -> Option<&str> {
        let is_of_controller = !matches!(self.kind, Kind::Pod | Kind::Other);
        Some(self.spec().text("/nodeName")).filter(|name| is_of_controller && !name.is_empty())
    }

    pub fn spec(&self) -> &Json {
        self.template.as_ref().map_or(&NO_SPEC, |it| &it.spec)
    }

    /// The selector of its controller.
    pub fn selector(&self) -> Option<Selector> {
        selector::from_json(&self.selector_value())
    }

    /// That of a ReplicationController is a map of labels; without one it has those of its template (`pkg/apis/core/v1/defaults.go`).
    pub fn selector_value(&self) -> Value {
        let selector = self.object["spec"]["selector"].to_value();
        match self.subject.kind.as_str() {
            "ReplicationController" if selector.as_object().is_none_or(Map::is_empty) => {
                json!({"matchLabels": self.labels()})
            }
            "ReplicationController" => json!({"matchLabels": selector}),
            _ => selector,
        }
    }

    /// How many of its pods an update may make beyond its replicas, and how many it may stop first, where it does so in steps.
    pub fn update_steps(&self) -> Option<(i64, i64)> {
        if self.kind != Kind::Deployment {
            return None;
        }
        match RolloutKind::Deployment.rules().moves(&self.object.to_value(), self.replicas.unwrap_or(1)) {
            Moves::Rolling { surge, unavailable } => Some((surge, unavailable)),
            _ => None,
        }
    }

    /// All pods of a Deployment are stopped before an update makes others.
    pub fn is_recreated_at_once(&self) -> bool {
        self.kind == Kind::Deployment && self.object.text("/spec/strategy/type") == "Recreate"
    }

    /// It makes pods, now or on a schedule, that drains evict.
    pub fn makes_evictable_pods(&self) -> bool {
        let is_scaled = self.is_scaled() && self.replicas != Some(0);
        is_scaled || self.subject.kind == "CronJob"
    }

    /// Claims that its template names: all of its pods share them.
    pub fn shared_claims(&self) -> impl Iterator<Item = &str> {
        let volumes = self.spec().list("/volumes").iter();
        volumes.map(|it| it.text("/persistentVolumeClaim/claimName")).filter(|it| !it.is_empty())
    }

    /// A container says that it elects a leader: of several pods one works, and another one takes over.
    pub fn elects_a_leader(&self) -> bool {
        self.containers().iter().flat_map(|it| it.list("/args")).any(is_leader_election)
    }

    /// The main containers of the template.
    pub fn containers(&self) -> &[Json] {
        self.spec().list("/containers")
    }

    /// The main containers, and the init containers that run as long as they do.
    pub fn running_containers(&self) -> impl Iterator<Item = &Json> {
        running_containers(self.spec())
    }

    pub fn labels(&self) -> BTreeMap<String, String> {
        self.template.as_ref().map(|it| it.labels.clone()).unwrap_or_default()
    }

    /// The grace period of its template.
    pub fn grace(&self) -> i64 {
        self.spec().number("/terminationGracePeriodSeconds").unwrap_or(30)
    }

    pub fn active(&self) -> impl Iterator<Item = &PodState> {
        self.pods.iter().map(|pod| &**pod).filter(|pod| pod.is_active())
    }

    pub fn ready(&self) -> impl Iterator<Item = &PodState> {
        self.active().filter(|pod| pod.is_ready)
    }

    /// Its pods that have a node.
    pub fn by_node(&self) -> BTreeMap<&str, Vec<&PodState>> {
        let mut nodes: BTreeMap<&str, Vec<&PodState>> = BTreeMap::new();
        for pod in self.active().filter(|pod| !pod.node.is_empty()) {
            nodes.entry(&pod.node).or_default().push(pod);
        }
        nodes
    }

    /// When its pods are deleted after their node was lost: by a pod, which admission has completed, or by the template.
    pub fn after_loss(&self) -> Deletion {
        let of_pods = self.active().map(|pod| pod.after_loss).max();
        of_pods.unwrap_or_else(|| {
            let tolerations = self.spec().list("/tolerations").iter();
            let typed: Vec<Toleration> =
                tolerations.filter_map(|it| Toleration::deserialize(it).ok()).collect();
            deletion(&with_defaults(typed))
        })
    }

    /// Of a StatefulSet: a pod is made when those of lower ordinals are Ready (`pkg/controller/statefulset/stateful_set_control.go`).
    pub fn is_ordered(&self) -> bool {
        self.kind == Kind::StatefulSet && self.object.text("/spec/podManagementPolicy") != "Parallel"
    }

    /// A controller keeps so many of its pods running, without an end.
    pub fn runs_for_good(&self) -> bool {
        matches!(self.kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet | Kind::ReplicaSet)
    }

    pub fn has_claims(&self) -> bool {
        let volumes = self.spec().list("/volumes").iter();
        !self.object.list("/spec/volumeClaimTemplates").is_empty()
            || volumes
                .into_iter()
                .any(|it| !it["persistentVolumeClaim"].is_null() || !it["ephemeral"].is_null())
    }
}
/// What the scheduler reads of a new pod with this spec.
pub fn requirements(mut spec: Value) -> Requirements {
    let node = spec.text("/nodeName");
    if !node.is_empty() {
        let field = json!({"key": "metadata.name", "operator": "In", "values": [node]});
        spec["affinity"]["nodeAffinity"] = json!({"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [field]}]}});
    }
    let pod: Pod = serde_json::from_value(json!({"spec": spec})).unwrap_or_default();
    Requirements::of(&pod)
}
