//! The cluster with some nodes drained, or with some pods gone and new ones made: which pods stay, which have to be placed, and what the
//! nodes have left.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, NodeId, PodFacts, PodId};
use super::node::{Labels, NodeFacts};
use super::occupancy::{Alike, KeptApart, NodeUse, Occupancy};
use super::requirements::{PodTerm, Requirements};
use super::topology::Topology;
use crate::pod::resources::Amounts;

/// The pod that a controller makes in place of one that is evicted. It is taken to be like the old one: same labels, same requirements.
#[derive(Clone, Copy, Debug)]
pub struct Replacement<'a> {
    pub of: PodId,
    pub namespace: &'a str,
    pub labels: &'a Labels,
    pub requirements: &'a Requirements,
}

#[derive(Debug)]
pub struct Scenario<'a> {
    pub cluster: &'a Cluster,
    /// What is as before wherever nothing leaves.
    before: &'a Occupancy,
    /// Pods that do not exist yet. Their ids follow those of the cluster's pods.
    new: &'a [PodFacts],
    /// They are cordoned and stay in the cluster: a topology domain does not go away because its nodes are cordoned.
    drained: BTreeSet<NodeId>,
    /// They are silent, have the taints of such nodes, and stay in the cluster too.
    lost: BTreeSet<NodeId>,
    /// Pods to be placed: replacements of evicted pods, and pods that wait for a node already.
    to_place: Vec<PodId>,
    /// Pods that leave their node. Until then they are there, and count.
    evicted: BTreeSet<PodId>,
    recreated: BTreeSet<PodId>,
    /// Those of them whose replacement no scheduler looks at yet.
    gated: BTreeSet<PodId>,
    /// The nodes that pods leave, with those that stay.
    left: BTreeMap<NodeId, NodeUse>,
    /// By pods that do not exist yet.
    kept_apart: KeptApart,
}

impl<'a> Scenario<'a> {
    /// `evicted`: the pods that leave; `recreated`: those of them that a controller makes again.
    pub fn new(
        cluster: &'a Cluster,
        drained: BTreeSet<NodeId>,
        evicted: &BTreeSet<PodId>,
        recreated: &[PodId],
    ) -> Self {
        Scenario::of(cluster, &[], drained, evicted, recreated)
    }

    /// The same if the replacements of these pods have scheduling gates. From a running pod they were removed.
    #[must_use]
    pub fn with_gates(mut self, gated: BTreeSet<PodId>) -> Self {
        self.gated = gated;
        self
    }

    /// The same if these nodes are silent.
    #[must_use]
    pub fn with_lost(mut self, lost: BTreeSet<NodeId>) -> Self {
        self.lost = lost;
        self
    }

    /// `gone`: pods that leave their nodes; `new`: pods that do not exist yet and have to be placed. No node is drained.
    pub fn with_new_pods(cluster: &'a Cluster, gone: &BTreeSet<PodId>, new: &'a [PodFacts]) -> Self {
        let to_place: Vec<PodId> = ids_of_new(cluster, new).collect();
        Scenario::of(cluster, new, BTreeSet::new(), gone, &to_place)
    }

    fn of(
        cluster: &'a Cluster,
        new: &'a [PodFacts],
        drained: BTreeSet<NodeId>,
        gone: &BTreeSet<PodId>,
        recreated: &[PodId],
    ) -> Self {
        let before = cluster.occupancy();
        let waiting = before.waiting.iter().filter(|id| !gone.contains(id));
        let to_place = recreated.iter().chain(waiting).copied().collect();
        let mut evicted = BTreeSet::new();
        let mut left = BTreeSet::new();
        for id in gone {
            if let Some(node) = cluster.pod(*id).node {
                evicted.insert(*id);
                left.insert(node);
            }
        }
        let staying = |node: &NodeId| {
            let pods = before.nodes[node.0 as usize].pods.iter();
            NodeUse::of(pods.filter(|id| !evicted.contains(id)).map(|id| (*id, cluster.pod(*id))))
        };
        let left = left.into_iter().map(|node| (node, staying(&node))).collect();
        let mut kept_apart = KeptApart::default();
        for pod in new {
            kept_apart.add(&pod.requirements.anti_affinity, &pod.namespace);
        }
        Scenario {
            cluster,
            before,
            new,
            drained,
            lost: BTreeSet::new(),
            to_place,
            recreated: recreated.iter().copied().collect(),
            gated: BTreeSet::new(),
            evicted,
            left,
            kept_apart,
        }
    }

    /// The same without the staying pods of lower priority, if there are any on nodes that are neither drained nor lost.
    pub fn without_lower_priority(&self, priority: i32) -> Option<Scenario<'a>> {
        let is_lower = |id: &PodId| self.pod(*id).requirements.priority < priority;
        let others = self.nodes().filter(|node| !self.is_drained(*node) && !self.is_lost(*node));
        let lower: BTreeSet<PodId> =
            others.flat_map(|node| self.staying(node)).copied().filter(is_lower).collect();
        if lower.is_empty() {
            return None;
        }
        // Those that wait for a node are among those to be placed.
        let gone = self.before.waiting.iter().chain(&self.evicted).copied().chain(lower).collect();
        let without = Scenario::of(self.cluster, self.new, self.drained.clone(), &gone, &self.to_place);
        Some(without.with_gates(self.gated.clone()).with_lost(self.lost.clone()))
    }

    pub fn node(&self, id: NodeId) -> &'a NodeFacts {
        self.cluster.node(id)
    }

    pub fn pod(&self, id: PodId) -> &'a PodFacts {
        match self.new.get((id.0 as usize).wrapping_sub(self.cluster.pod_count())) {
            Some(new) => new,
            None => self.cluster.pod(id),
        }
    }

    pub fn new_pods(&self) -> impl Iterator<Item = PodId> + use<> {
        ids_of_new(self.cluster, self.new)
    }

    /// The labels of pods that any selector reads, of pods that leave too.
    pub fn label_keys(&self) -> BTreeSet<&str> {
        let of_new = self.new.iter().flat_map(|pod| pod.requirements.label_keys());
        self.before.label_keys.iter().map(String::as_str).chain(of_new).collect()
    }

    /// It exists already, and no node was found for it yet.
    pub fn is_waiting(&self, id: PodId) -> bool {
        (id.0 as usize) < self.cluster.pod_count() && self.pod(id).node.is_none()
    }

    pub fn has_gates(&self, of: PodId) -> bool {
        self.gated.contains(&of)
    }

    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        self.cluster.node_ids()
    }

    pub fn is_drained(&self, node: NodeId) -> bool {
        self.drained.contains(&node)
    }

    pub fn is_lost(&self, node: NodeId) -> bool {
        self.lost.contains(&node)
    }

    pub fn to_place(&self) -> &[PodId] {
        &self.to_place
    }

    pub fn evicted(&self) -> &BTreeSet<PodId> {
        &self.evicted
    }

    fn on(&self, node: NodeId) -> &NodeUse {
        self.left.get(&node).unwrap_or_else(|| &self.before.nodes[node.0 as usize])
    }

    /// In the cluster's order: everything that is not evicted.
    pub fn staying(&self, node: NodeId) -> &[PodId] {
        &self.on(node).pods
    }

    /// Those that will be gone all the same.
    pub fn terminating(&self) -> impl Iterator<Item = PodId> {
        self.before.terminating.iter().copied().filter(|id| !self.evicted.contains(id))
    }

    /// With their nodes: pods that are terminating will be gone.
    pub fn staying_for_good(&self) -> impl Iterator<Item = (NodeId, PodId)> {
        let staying = self.nodes().flat_map(|node| self.staying(node).iter().map(move |id| (node, *id)));
        staying.filter(|(_, id)| !self.pod(*id).is_terminating)
    }

    /// Those of one namespace, each time all that have the same labels: one of them, which need not stay, and where those are that do.
    pub fn staying_in(
        &self,
        namespace: &str,
    ) -> impl Iterator<Item = (Replacement<'a>, impl Iterator<Item = NodeId>)> {
        let alike = self.before.by_namespace.get(namespace).into_iter().flatten();
        alike.map(|alike| (self.existing(alike.first), self.where_they_stay(alike)))
    }

    fn where_they_stay(&self, alike: &'a Alike) -> impl Iterator<Item = NodeId> {
        alike.pods.iter().filter(|(_, id)| !self.evicted.contains(id)).map(|(node, _)| *node)
    }

    /// Those whose required anti-affinity can be about pods of this namespace.
    pub fn keeping_away_from(&self, namespace: &str) -> impl Iterator<Item = (NodeId, PodId)> {
        let own = self.before.keeping_away.get(namespace).into_iter().flatten();
        let all = own.chain(&self.before.keeping_away_anywhere).copied();
        all.filter(|(_, id)| !self.evicted.contains(id))
    }

    /// Those that the terms of a pod of this namespace can be about, as in [`Self::staying_in`].
    pub fn meant_by(
        &self,
        terms: &[PodTerm],
        namespace: &str,
    ) -> impl Iterator<Item = (Replacement<'a>, impl Iterator<Item = NodeId>)> {
        let is_own = terms.iter().all(PodTerm::is_about_own_namespace);
        let own = self.before.by_namespace.get(namespace).filter(|_| is_own);
        let all = (!is_own).then(|| self.before.by_namespace.values());
        let alike = own.into_iter().chain(all.into_iter().flatten()).flatten();
        alike.map(|alike| (self.existing(alike.first), self.where_they_stay(alike)))
    }

    /// May required anti-affinity, of a pod that is there or to be placed, be about pods of this namespace?
    pub fn is_kept_apart(&self, namespace: &str) -> bool {
        self.before.kept_apart.has(namespace) || self.kept_apart.has(namespace)
    }

    /// What is taken on a node at least: pods that are terminating will be gone.
    pub fn taken_for_good(&self, node: NodeId) -> &Amounts {
        &self.on(node).taken_for_good
    }

    /// What is taken on a node now.
    pub fn taken(&self, node: NodeId) -> &Amounts {
        &self.on(node).taken
    }

    pub fn replacement(&self, of: PodId) -> Replacement<'a> {
        let labels =
            if self.recreated.contains(&of) { &self.pod(of).template_labels } else { &self.pod(of).labels };
        Replacement { labels, ..self.existing(of) }
    }

    /// The pod as it is, also if it is evicted.
    pub fn existing(&self, of: PodId) -> Replacement<'a> {
        let pod = self.pod(of);
        Replacement { of, namespace: &pod.namespace, labels: &pod.labels, requirements: &pod.requirements }
    }

    /// The domains of a topology key, with the nodes that the scenario drains.
    pub fn topology(&self, key: &str) -> Cow<'a, Topology> {
        match self.before.topologies.get(key) {
            Some(known) => Cow::Borrowed(known),
            // Only a pod that does not exist yet has a constraint about it.
            None => Cow::Owned(Topology::of(self.cluster.nodes(), key)),
        }
    }
}

fn ids_of_new(cluster: &Cluster, new: &[PodFacts]) -> impl Iterator<Item = PodId> + use<> {
    let first = cluster.pod_count();
    (first..first + new.len()).map(|index| PodId(u32::try_from(index).unwrap_or(u32::MAX)))
}
