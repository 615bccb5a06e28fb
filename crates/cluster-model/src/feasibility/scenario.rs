//! The cluster with some nodes drained, or with some pods gone and new ones made: which pods stay, which have to be placed, and what the
//! nodes have left.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::cluster::{Cluster, NodeId, PodFacts, PodId};
use super::node::{Labels, NodeFacts};
use super::requirements::{PodTerm, Requirements};
use crate::pod::resources::{Amounts, add};

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
    /// Pods that do not exist yet. Their ids follow those of the cluster's pods.
    new: &'a [PodFacts],
    /// They are cordoned and stay in the cluster: a topology domain does not go away because its nodes are cordoned.
    drained: BTreeSet<NodeId>,
    /// Pods to be placed: replacements of evicted pods, and pods that wait for a node already.
    to_place: Vec<PodId>,
    /// Pods that leave their node. Until then they are there, and count.
    evicted: Vec<PodId>,
    recreated: BTreeSet<PodId>,
    /// By node, in the cluster's order: everything that is not evicted.
    staying: Vec<Vec<PodId>>,
    /// What the staying pods take, by node: with and without those that are terminating.
    taken: Vec<Amounts>,
    taken_for_good: Vec<Amounts>,
    /// Staying pods that are not terminating, with their nodes, by namespace.
    by_namespace: HashMap<&'a str, Vec<(NodeId, PodId)>>,
    /// Those of them with required anti-affinity to pods of their own namespace only, by namespace, and all others with anti-affinity.
    keeping_away: HashMap<&'a str, Vec<(NodeId, PodId)>>,
    keeping_away_anywhere: Vec<(NodeId, PodId)>,
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

    /// `gone`: pods that leave their nodes; `new`: pods that do not exist yet and have to be placed. No node is drained.
    pub fn with_new_pods(cluster: &'a Cluster, gone: &BTreeSet<PodId>, new: &'a [PodFacts]) -> Self {
        let to_place: Vec<PodId> = ids_of_new(cluster, new).collect();
        Scenario::of(cluster, new, BTreeSet::new(), gone, &to_place)
    }

    fn of(
        cluster: &'a Cluster,
        new: &'a [PodFacts],
        drained: BTreeSet<NodeId>,
        evicted: &BTreeSet<PodId>,
        recreated: &[PodId],
    ) -> Self {
        let count = cluster.node_ids().count();
        let mut staying = vec![Vec::new(); count];
        let (mut taken, mut taken_for_good) = (vec![Amounts::new(); count], vec![Amounts::new(); count]);
        let mut to_place = recreated.to_vec();
        let mut by_namespace: HashMap<&str, Vec<(NodeId, PodId)>> = HashMap::new();
        let mut keeping_away: HashMap<&str, Vec<(NodeId, PodId)>> = HashMap::new();
        let mut keeping_away_anywhere = Vec::new();
        for id in cluster.pod_ids().filter(|id| !evicted.contains(id)) {
            let pod = cluster.pod(id);
            let Some(node) = pod.node else {
                if !pod.is_terminating {
                    to_place.push(id);
                }
                continue;
            };
            let node = node.0 as usize;
            staying[node].push(id);
            add(&mut taken[node], pod.taken());
            if pod.is_terminating {
                continue;
            }
            add(&mut taken_for_good[node], pod.taken());
            let with_node = (NodeId(u32::try_from(node).unwrap_or(u32::MAX)), id);
            by_namespace.entry(&*pod.namespace).or_default().push(with_node);
            let terms = &pod.requirements.anti_affinity;
            if !terms.is_empty() {
                match terms.iter().all(PodTerm::is_about_own_namespace) {
                    true => keeping_away.entry(&*pod.namespace).or_default().push(with_node),
                    false => keeping_away_anywhere.push(with_node),
                }
            }
        }
        let evicted = evicted.iter().copied().filter(|id| cluster.pod(*id).node.is_some()).collect();
        Scenario {
            cluster,
            new,
            drained,
            to_place,
            recreated: recreated.iter().copied().collect(),
            evicted,
            staying,
            taken,
            taken_for_good,
            by_namespace,
            keeping_away,
            keeping_away_anywhere,
        }
    }

    /// The same without the staying pods of lower priority, if there are any on nodes that are not drained.
    pub fn without_lower_priority(&self, priority: i32) -> Option<Scenario<'a>> {
        let is_lower = |id: &PodId| self.pod(*id).requirements.priority < priority;
        let others = self.nodes().filter(|node| !self.is_drained(*node));
        let lower: BTreeSet<PodId> =
            others.flat_map(|node| self.staying(node)).copied().filter(is_lower).collect();
        if lower.is_empty() {
            return None;
        }
        let stays: BTreeSet<PodId> = self.staying.iter().flatten().copied().collect();
        let gone = self.cluster.pod_ids().filter(|id| !stays.contains(id) || lower.contains(id));
        Some(Scenario::of(self.cluster, self.new, self.drained.clone(), &gone.collect(), &self.to_place))
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

    /// The cluster's pods and the new ones.
    pub fn pod_ids(&self) -> impl Iterator<Item = PodId> + use<> {
        self.cluster.pod_ids().chain(self.new_pods())
    }

    pub fn new_pods(&self) -> impl Iterator<Item = PodId> + use<> {
        ids_of_new(self.cluster, self.new)
    }

    /// It exists already, and no node was found for it yet.
    pub fn is_waiting(&self, id: PodId) -> bool {
        (id.0 as usize) < self.cluster.pod_count() && self.pod(id).node.is_none()
    }

    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        self.cluster.node_ids()
    }

    pub fn is_drained(&self, node: NodeId) -> bool {
        self.drained.contains(&node)
    }

    pub fn to_place(&self) -> &[PodId] {
        &self.to_place
    }

    pub fn evicted(&self) -> &[PodId] {
        &self.evicted
    }

    pub fn staying(&self, node: NodeId) -> &[PodId] {
        &self.staying[node.0 as usize]
    }

    /// With their nodes: pods that are terminating will be gone.
    pub fn staying_for_good(&self) -> impl Iterator<Item = (NodeId, PodId)> {
        let staying = self.nodes().flat_map(|node| self.staying(node).iter().map(move |id| (node, *id)));
        staying.filter(|(_, id)| !self.pod(*id).is_terminating)
    }

    /// Those of one namespace.
    pub fn staying_in(&self, namespace: &str) -> &[(NodeId, PodId)] {
        self.by_namespace.get(namespace).map(Vec::as_slice).unwrap_or_default()
    }

    /// Those whose required anti-affinity can be about pods of this namespace.
    pub fn keeping_away_from(&self, namespace: &str) -> impl Iterator<Item = (NodeId, PodId)> {
        let own = self.keeping_away.get(namespace).into_iter().flatten();
        own.chain(&self.keeping_away_anywhere).copied()
    }

    /// Those that the terms of a pod of this namespace can be about.
    pub fn meant_by<'b>(
        &'b self,
        terms: &[PodTerm],
        namespace: &str,
    ) -> Box<dyn Iterator<Item = (NodeId, PodId)> + 'b> {
        if terms.iter().all(PodTerm::is_about_own_namespace) {
            Box::new(self.staying_in(namespace).iter().copied())
        } else {
            Box::new(self.staying_for_good())
        }
    }

    /// What is taken on a node at least: pods that are terminating will be gone.
    pub fn taken_for_good(&self, node: NodeId) -> &Amounts {
        &self.taken_for_good[node.0 as usize]
    }

    /// What is taken on a node now.
    pub fn taken(&self, node: NodeId) -> &Amounts {
        &self.taken[node.0 as usize]
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

    /// Nodes by the value of a label; those without it are left out.
    pub fn domains(&self, topology_key: &str) -> BTreeMap<&'a str, Vec<NodeId>> {
        let mut domains: BTreeMap<&str, Vec<NodeId>> = BTreeMap::new();
        for id in self.nodes() {
            if let Some(value) = self.node(id).labels.get(topology_key) {
                domains.entry(value).or_default().push(id);
            }
        }
        domains
    }
}

fn ids_of_new(cluster: &Cluster, new: &[PodFacts]) -> impl Iterator<Item = PodId> + use<> {
    let first = cluster.pod_count();
    (first..first + new.len()).map(|index| PodId(u32::try_from(index).unwrap_or(u32::MAX)))
}
