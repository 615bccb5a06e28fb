//! The cluster as the checks and the matrix see it: workloads with their pods, budgets, Services and nodes.

pub mod admission;
pub mod annotation_key;
mod annotations;
mod build;
pub mod domain;
pub mod event;
pub mod gathered;
mod hosts;
pub mod interner;
mod lease_history;
mod node_history;
pub mod origin;
mod owners;
mod packed;
pub mod places;
pub mod pod;
pub mod read;
pub mod resources;
pub mod server_answers;
mod start_up;
pub mod stop;
pub mod storage;
pub mod strip;
mod system;
pub mod template;
pub mod webhook;
pub mod workload;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use cluster_model::feasibility::{Cluster, NodeFacts};
use cluster_model::healing::node_loss::detection;
use cluster_model::{DisruptionBudget, Json, Known, NodeExt, Raw};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::civil::Date;
use k8s_openapi::jiff::tz::TimeZone;

pub use domain::Domain;
pub use event::{Event, Reason};
pub use gathered::Gathered;
pub use interner::Interner;
pub use node_history::NodeHistory;
pub use origin::Origin;
pub use packed::Packed;
pub use pod::PodState;
pub use read::Read;
pub use server_answers::ServerAnswers;
pub use storage::Storage;
pub use system::is_system;
pub use workload::{Kind, Recreated, Workload};

use crate::finding::Subject;

/// Which workloads the command line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    All,
    Named(Vec<(Read, String)>),
    /// Those that the server found by a label selector.
    Uids(BTreeSet<String>),
}

pub struct Snapshot {
    pub now: Timestamp,
    /// By namespace.
    pub workloads: Vec<Workload>,
    pub budgets: Vec<Budget>,
    pub autoscalers: Vec<Autoscaler>,
    pub storage: Storage,
    /// By name.
    pub nodes: Arc<Vec<Node>>,
    /// The same, as the scheduler's filters read them.
    pub node_facts: Arc<Vec<NodeFacts>>,
    pub leases: Vec<Lease>,
    /// By the UID of the object that they are about.
    pub events: BTreeMap<String, Vec<Event>>,
    /// Objects of the kinds that no other field has, by namespace; Jobs only those of CronJobs, and budgets only those with an annotation that
    /// leaves out findings or whose controller has not seen their last change.
    pub objects: BTreeMap<Read, Vec<Json>>,
    /// The position of the workload to which an object or a pod belongs, by its UID.
    pub workload_of: BTreeMap<Arc<str>, usize>,
    /// Why a kind is not known.
    pub unknown: BTreeMap<Read, String>,
    pub scheduling: Known<Arc<Cluster>>,
    /// Computed by `matrix/losses.rs` when they are asked for.
    pub losses: OnceLock<Arc<places::Losses>>,
    pub controllers: BTreeMap<Arc<str>, Arc<str>>,
    /// Workloads that were named and are not there.
    pub not_found: Vec<String>,
    /// The UIDs of the ReplicaSets that were named, by name.
    pub named_replica_sets: BTreeMap<String, String>,
    pub selects_all: bool,
    pub origin: Origin,
    /// Which annotations leave out findings, by their object.
    pub annotations: BTreeMap<Subject, String>,
    /// What a zone is.
    pub domain: Domain,
    /// Of containers that were looked into.
    pub unheard_stops: Vec<stop::UnheardStop>,
    /// What the server said to dry runs, if it was asked.
    pub answers: Option<ServerAnswers>,
    /// What was seen of nodes over time, if they are watched.
    pub node_history: Option<NodeHistory>,
}

pub struct Budget {
    pub subject: Subject,
    pub budget: DisruptionBudget,
    /// The workloads whose pods it selects, by their position.
    pub workloads: Vec<usize>,
    /// Pods that it selects, finished ones too.
    pub pods: usize,
    /// Templates that it selects.
    pub templates: usize,
    pub is_selected: bool,
    pub is_system: bool,
}

/// A HorizontalPodAutoscaler.
pub struct Autoscaler {
    pub subject: Subject,
    /// As read.
    pub object: Json,
    pub is_selected: bool,
    pub is_system: bool,
}

/// Where each kubelet renews the Lease of its node.
pub const NODE_LEASES: &str = "kube-node-lease";

/// The holders of the Leases that are read.
pub const HEALERS: [&str; 2] = ["kube-controller-manager", "kube-scheduler"];

/// A component that heals holds it.
pub struct Lease {
    pub name: String,
    pub renewed: Option<Timestamp>,
    pub seconds: i64,
}

impl Snapshot {
    /// What the command line means, for what is wrong now.
    pub fn selected(&self) -> impl Iterator<Item = &Workload> {
        self.workloads.iter().filter(|it| it.is_selected)
    }

    /// The same without the namespaces of Kubernetes itself, which are not for their users to change.
    pub fn posture(&self) -> impl Iterator<Item = &Workload> {
        self.selected().filter(|it| !it.is_system)
    }

    pub fn selected_budgets(&self) -> impl Iterator<Item = &Budget> {
        self.budgets.iter().filter(|it| it.is_selected)
    }

    pub fn posture_budgets(&self) -> impl Iterator<Item = &Budget> {
        self.selected_budgets().filter(|it| !it.is_system)
    }

    /// Of one kind; empty if it was not read.
    pub fn all(&self, read: Read) -> &[Json] {
        self.objects.get(&read).map_or(&[], Vec::as_slice)
    }

    /// Of CronJobs, and those that are workloads themselves, without their templates.
    pub fn jobs(&self) -> impl Iterator<Item = &Json> {
        let own = self.workloads.iter().filter(|it| it.subject.kind == Read::Jobs.api().0);
        self.all(Read::Jobs).iter().chain(own.map(|it| &it.object))
    }

    /// The same in one namespace.
    pub fn in_namespace(&self, read: Read, namespace: &str) -> impl Iterator<Item = &Json> {
        within(self.all(read), namespace).iter()
    }

    pub fn workloads_in(&self, namespace: &str) -> &[Workload] {
        &self.workloads[workloads_within(&self.workloads, namespace)]
    }

    pub fn events_of(&self, uid: &str, reason: Reason) -> impl Iterator<Item = &Event> {
        self.events.get(uid).into_iter().flatten().filter(move |it| it.reason == reason)
    }

    pub fn posture_autoscalers(&self) -> impl Iterator<Item = &Autoscaler> {
        self.autoscalers.iter().filter(|it| it.is_selected && !it.is_system)
    }

    /// The workloads whose pods a budget selects.
    pub fn of_budget<'s>(&'s self, budget: &'s Budget) -> impl Iterator<Item = &'s Workload> {
        budget.workloads.iter().map(|at| &self.workloads[*at])
    }

    /// It selects pods that drains evict, or will: not only those of DaemonSets, and not only finished ones.
    pub fn counts_for_drains(&self, budget: &Budget) -> bool {
        self.of_budget(budget).filter(|it| it.kind != Kind::DaemonSet).any(|it| {
            it.makes_evictable_pods()
                || it.active().any(|pod| pod.needs_budget() && budget.budget.selects_labels(&pod.labels))
        })
    }

    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.binary_search_by(|node| node.name().cmp(name)).ok().map(|at| &self.nodes[at])
    }

    /// How long a node may be silent before Kubernetes notices.
    pub fn detection(&self) -> i64 {
        let infos = self.nodes.iter().filter_map(|node| node.status.as_ref()?.node_info.as_ref());
        detection(infos.map(|info| info.kubelet_version.as_str()))
    }

    /// The Node object of a pod is gone: not if the nodes are unknown.
    pub fn is_gone(&self, node: &str) -> bool {
        !node.is_empty() && !self.unknown.contains_key(&Read::Nodes) && self.node(node).is_none()
    }

    /// Nobody there starts or ends a pod.
    pub fn is_down(&self, node: &str) -> bool {
        self.node(node).is_some_and(|node| node.not_ready().is_some())
    }

    /// Seconds since then; what lies ahead by the server's clock is now.
    pub fn seconds_since(&self, then: Timestamp) -> i64 {
        self.now.duration_since(then).as_secs().max(0)
    }

    /// In UTC.
    pub fn today(&self) -> Date {
        self.origin.today.unwrap_or(self.now).to_zoned(TimeZone::UTC).date()
    }

    /// The failure domain of a node, if it is labelled.
    pub fn zone<'n>(&self, node: &'n Node) -> Option<&'n str> {
        node.metadata.labels.as_ref()?.get(&self.domain.label).map(String::as_str)
    }

    /// What is not known of this kind is no controller of a pod that is known: it has none, as one that is scaled to zero.
    pub fn controls_no_pod(&self, read: Read) -> bool {
        let controls_pods = matches!(
            read,
            Read::ReplicaSets
                | Read::ReplicationControllers
                | Read::StatefulSets
                | Read::DaemonSets
                | Read::Jobs
        );
        controls_pods
            && !self.unknown.contains_key(&Read::Pods)
            && !self.controllers.values().any(|kind| **kind == *read.api().0)
    }

    /// The first of these kinds that is not known, and why.
    pub fn missing(&self, reads: &[Read]) -> Option<(Read, &str)> {
        reads.iter().find_map(|read| Some((*read, self.unknown.get(read)?.as_str())))
    }
}

/// Those of one namespace, of a list that is sorted by it: a large cluster has thousands.
fn within<'s>(sorted: &'s [Json], namespace: &str) -> &'s [Json] {
    let of = |it: &Json| it.text("/metadata/namespace").cmp(namespace);
    let from = sorted.partition_point(|it| of(it) == Ordering::Less);
    let length = sorted[from..].partition_point(|it| of(it) == Ordering::Equal);
    &sorted[from..from + length]
}

fn workloads_within(sorted: &[Workload], namespace: &str) -> Range<usize> {
    let of = |it: &Workload| it.subject.namespace.as_str().cmp(namespace);
    let from = sorted.partition_point(|it| of(it) == Ordering::Less);
    from..from + sorted[from..].partition_point(|it| of(it) == Ordering::Equal)
}
