//! Everything the pure steps see: gathered from a live cluster, or built in a test.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use k8s_openapi::jiff::Timestamp;

use crate::disruption_budget::DisruptionBudget;
use crate::pod::PodExt;
use crate::webhook::Webhook;
use crate::workload::{OwnerKey, Workload};

/// Something that was looked at, or the reason it could not be. Unknown is never "none".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    Seen(T),
    Unknown(String),
}

impl<T> Known<T> {
    pub fn seen(&self) -> Option<&T> {
        match self {
            Known::Seen(value) => Some(value),
            Known::Unknown(_) => None,
        }
    }
}

/// The cluster as far as a drain needs it, at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub taken_at: Timestamp,
    /// The nodes asked for, in the order they will be drained.
    pub nodes: Vec<Node>,
    /// Every (selected) pod on those nodes.
    pub pods: Vec<Pod>,
    /// Pods on those nodes that `--pod-selector` does not select: metadata and node only.
    pub unselected: Vec<Pod>,
    /// Pods that are not bound yet, but for which a volume is being provisioned on one of those nodes: they will be bound there,
    /// cordon or not. By the name of the node.
    pub awaited: Known<Vec<(String, Pod)>>,
    pub budgets: Known<Vec<DisruptionBudget>>,
    /// Pods elsewhere that belong to the budgets of pods here and are not Ready: they explain why a budget allows nothing.
    pub unhealthy_members: Vec<Pod>,
    /// Owners of pods here. `Seen(None)`: it does not exist (any more).
    pub owners: BTreeMap<OwnerKey, Known<Option<Workload>>>,
    /// Volumes behind claims, by `namespace/claim`.
    pub volumes: BTreeMap<String, Known<PersistentVolume>>,
    pub webhooks: Known<Vec<Webhook>>,
}

impl Snapshot {
    pub fn empty(taken_at: Timestamp) -> Self {
        Snapshot {
            taken_at,
            nodes: Vec::new(),
            pods: Vec::new(),
            unselected: Vec::new(),
            awaited: Known::Seen(Vec::new()),
            budgets: Known::Seen(Vec::new()),
            unhealthy_members: Vec::new(),
            owners: BTreeMap::new(),
            volumes: BTreeMap::new(),
            webhooks: Known::Seen(Vec::new()),
        }
    }

    /// One pod, and nothing known around it.
    pub fn of(pod: Pod, taken_at: Timestamp) -> Self {
        Snapshot { pods: vec![pod], ..Snapshot::empty(taken_at) }
    }

    pub fn budgets(&self) -> &[DisruptionBudget] {
        self.budgets.seen().map(Vec::as_slice).unwrap_or_default()
    }

    pub fn budgets_of<'a>(&'a self, pod: &Pod) -> Vec<&'a DisruptionBudget> {
        self.budgets().iter().filter(|b| b.selects(pod)).collect()
    }

    /// Pods that will be bound to this node although it is cordoned.
    pub fn awaited_on<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Pod> {
        self.awaited.seen().into_iter().flatten().filter(move |(on, _)| on == node).map(|(_, pod)| pod)
    }

    pub fn owner_of(&self, pod: &Pod) -> Option<(OwnerKey, Option<&Known<Option<Workload>>>)> {
        let key = OwnerKey::new(pod.namespace(), pod.controller()?);
        let owner = self.owners.get(&key);
        Some((key, owner))
    }

    /// The owner is known not to exist. An owner that could not be read is not an orphan-maker.
    pub fn is_orphaned(&self, pod: &Pod) -> bool {
        matches!(self.owner_of(pod), Some((_, Some(Known::Seen(None)))))
    }
}
