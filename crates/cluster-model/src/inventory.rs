//! Everything the pure steps read: filled page by page from a live cluster, or built in a test. `Known` keeps what could not be read apart
//! from what is not there.

mod budgets;
mod pods;

pub use budgets::Budgets;
pub use pods::Pods;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use k8s_openapi::jiff::Timestamp;

use crate::disruption_budget::DisruptionBudget;
use crate::feasibility;
use crate::known::Known;
use crate::owner_graph::{Controller, OwnerGraph};
use crate::webhook::Webhook;

/// The cluster as far as a drain needs it, at one moment.
#[derive(Clone, Debug)]
pub struct Inventory {
    pub taken_at: Timestamp,
    /// The nodes to be drained, in that order.
    pub nodes: Vec<Node>,
    /// Every (selected) pod on those nodes.
    pub pods: Pods,
    /// Pods on those nodes that `--pod-selector` does not select: metadata and node only.
    pub unselected: Pods,
    /// Pods that are not bound yet, but for which a volume is being provisioned on one of those nodes: they will be bound there,
    /// cordon or not. By the name of the node.
    pub awaited: Known<Vec<(String, Pod)>>,
    pub budgets: Known<Budgets>,
    /// The pods of a budget that are not Ready, here and elsewhere, where they were listed. By the key of the budget.
    pub not_ready_members: BTreeMap<String, Vec<Pod>>,
    /// Controllers of pods here.
    pub owners: OwnerGraph,
    /// Volumes behind claims, by `namespace/claim`.
    pub volumes: BTreeMap<String, Known<PersistentVolume>>,
    pub webhooks: Known<Vec<Webhook>>,
    /// What the scheduler reads of the whole cluster; empty where no pod has to be placed again.
    pub scheduling: Known<feasibility::Cluster>,
}

impl Inventory {
    pub fn empty(taken_at: Timestamp) -> Self {
        Inventory {
            taken_at,
            nodes: Vec::new(),
            pods: Pods::default(),
            unselected: Pods::default(),
            awaited: Known::Seen(Vec::new()),
            budgets: Known::Seen(Budgets::default()),
            not_ready_members: BTreeMap::new(),
            owners: OwnerGraph::default(),
            volumes: BTreeMap::new(),
            webhooks: Known::Seen(Vec::new()),
            scheduling: Known::Seen(feasibility::Cluster::default()),
        }
    }

    /// One pod, and nothing known around it.
    pub fn of(pod: Pod, taken_at: Timestamp) -> Self {
        Inventory { pods: vec![pod].into(), ..Inventory::empty(taken_at) }
    }

    /// Empty also where budgets could not be read.
    pub fn budgets_of(&self, pod: &Pod) -> Vec<&DisruptionBudget> {
        self.budgets.seen().map(|budgets| budgets.of(pod)).unwrap_or_default()
    }

    /// The pods here that the budget selects.
    pub fn members<'a>(&'a self, budget: &'a DisruptionBudget) -> impl Iterator<Item = &'a Pod> {
        self.pods.in_namespace(budget.namespace()).filter(|pod| budget.selects(pod))
    }

    /// Pods that will be bound to this node although it is cordoned.
    pub fn awaited_on<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Pod> {
        self.awaited.seen().into_iter().flatten().filter(move |(on, _)| on == node).map(|(_, pod)| pod)
    }

    /// The controller that the pod itself names, as the ReplicaSet of a Deployment's pod.
    pub fn controller_of(&self, pod: &Pod) -> Option<Controller<'_>> {
        self.owners.controllers(pod).next()
    }

    /// The one that its user made: the Deployment rather than the ReplicaSet in between.
    pub fn top_controller_of(&self, pod: &Pod) -> Option<Controller<'_>> {
        self.owners.controllers(pod).last()
    }

    /// It names a controller that makes another pod in its place, as far as is known.
    pub fn is_recreated(&self, pod: &Pod) -> bool {
        self.controller_of(pod).is_some_and(|controller| !controller.state.makes_no_pods())
    }

    /// Its controller does not exist (any more), or is being deleted. One that could not be read makes no orphan.
    pub fn is_orphaned(&self, pod: &Pod) -> bool {
        self.controller_of(pod).is_some_and(|controller| controller.state.makes_no_pods())
    }
}
