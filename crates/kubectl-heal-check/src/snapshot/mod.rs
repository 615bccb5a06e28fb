//! The cluster as the checks and the matrix see it: workloads with their pods, budgets, Services and nodes.

mod build;
pub mod gathered;
pub mod origin;
mod owners;
pub mod pod;
pub mod read;
pub mod strip;
pub mod workload;

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::feasibility::{Cluster, NodeFacts};
use cluster_model::{DisruptionBudget, Known, NodeExt};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::Timestamp;

pub use gathered::Gathered;
pub use origin::Origin;
pub use pod::PodState;
pub use read::Read;
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
    pub workloads: Vec<Workload>,
    pub budgets: Vec<Budget>,
    pub nodes: Vec<Node>,
    /// The same, as the scheduler's filters read them.
    pub node_facts: Vec<NodeFacts>,
    pub leases: Vec<Lease>,
    /// Why a kind is not known.
    pub unknown: BTreeMap<Read, String>,
    pub scheduling: Known<Cluster>,
    pub controllers: BTreeMap<String, String>,
    /// Workloads that were named and are not there.
    pub not_found: Vec<String>,
    pub selects_all: bool,
    pub origin: Origin,
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

    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name() == name)
    }

    /// Seconds since then; what lies ahead by the server's clock is now.
    pub fn seconds_since(&self, then: Timestamp) -> i64 {
        self.now.duration_since(then).as_secs().max(0)
    }

    /// The first of these kinds that is not known, and why.
    pub fn missing(&self, reads: &[Read]) -> Option<(Read, &str)> {
        reads.iter().find_map(|read| Some((*read, self.unknown.get(read)?.as_str())))
    }
}

/// The zone of a node, if it is labelled.
pub fn zone(node: &Node) -> Option<&str> {
    node.metadata.labels.as_ref()?.get(cluster_model::feasibility::ZONE).map(String::as_str)
}
