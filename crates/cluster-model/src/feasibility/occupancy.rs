//! Who is where in the cluster as it is. Computed once: a scenario only says what leaves and what comes, so that hundreds of them cost little.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::node::NodeFacts;
use super::pod_facts::{NodeId, PodFacts, PodId};
use super::requirements::{PodTerm, Requirements};
use super::topology::Topology;
use crate::pod::resources::{Amounts, add};

#[derive(Clone, Debug, Default)]
pub struct Occupancy {
    /// By node.
    pub nodes: Vec<NodeUse>,
    /// Pods that wait for a node.
    pub waiting: Vec<PodId>,
    /// Pods on a node that are terminating.
    pub terminating: Vec<PodId>,
    /// All others on a node, by namespace.
    pub by_namespace: HashMap<Arc<str>, Vec<Alike>>,
    /// Those of them with required anti-affinity to pods of their own namespace only, by namespace, and all others with anti-affinity.
    pub keeping_away: HashMap<Arc<str>, Vec<(NodeId, PodId)>>,
    pub keeping_away_anywhere: Vec<(NodeId, PodId)>,
    /// The labels of pods that any selector reads.
    pub label_keys: BTreeSet<String>,
    /// By the topology keys of spread constraints.
    pub topologies: HashMap<String, Topology>,
    /// Whose pods some pod's required anti-affinity can be about: the pod need not be on a node.
    pub kept_apart: KeptApart,
}

/// Namespaces.
#[derive(Clone, Debug, Default)]
pub struct KeptApart {
    is_everywhere: bool,
    namespaces: HashSet<Arc<str>>,
}

/// Pods of one namespace with the same labels, and where each of them is.
#[derive(Clone, Debug)]
pub struct Alike {
    pub first: PodId,
    pub pods: Vec<(NodeId, PodId)>,
}

/// The pods of a node, in the cluster's order, and what they take: with and without those that are terminating.
#[derive(Clone, Debug, Default)]
pub struct NodeUse {
    pub pods: Vec<PodId>,
    pub taken: Amounts,
    pub taken_for_good: Amounts,
}

impl Occupancy {
    pub fn of(pods: &[PodFacts], nodes: &[NodeFacts]) -> Self {
        let mut all = Occupancy { nodes: vec![NodeUse::default(); nodes.len()], ..Occupancy::default() };
        let mut alike: HashMap<(*const str, usize), usize> = HashMap::new();
        let mut seen: HashSet<*const Requirements> = HashSet::new();
        for (id, pod) in (0..).map(PodId).zip(pods) {
            if seen.insert(Arc::as_ptr(&pod.requirements)) {
                all.label_keys.extend(pod.requirements.label_keys().map(str::to_owned));
                for key in pod.requirements.spread.iter().map(|it| &it.topology_key) {
                    if !all.topologies.contains_key(key) {
                        all.topologies.insert(key.clone(), Topology::of(nodes, key));
                    }
                }
            }
            let terms = &pod.requirements.anti_affinity;
            all.kept_apart.add(terms, &pod.namespace);
            let Some(node) = pod.node else {
                if !pod.is_terminating {
                    all.waiting.push(id);
                }
                continue;
            };
            all.nodes[node.0 as usize].add(id, pod);
            if pod.is_terminating {
                all.terminating.push(id);
                continue;
            }
            let of_namespace = all.by_namespace.entry(pod.namespace.clone()).or_default();
            // Equal labels are one object, and so are equal namespaces.
            let key = (Arc::as_ptr(&pod.namespace), Arc::as_ptr(&pod.labels).addr());
            let at = *alike.entry(key).or_insert_with(|| {
                of_namespace.push(Alike { first: id, pods: Vec::new() });
                of_namespace.len() - 1
            });
            of_namespace[at].pods.push((node, id));
            if !terms.is_empty() {
                match terms.iter().all(PodTerm::is_about_own_namespace) {
                    true => all.keeping_away.entry(pod.namespace.clone()).or_default().push((node, id)),
                    false => all.keeping_away_anywhere.push((node, id)),
                }
            }
        }
        all
    }
}

impl NodeUse {
    pub fn of<'p>(pods: impl Iterator<Item = (PodId, &'p PodFacts)>) -> Self {
        pods.fold(NodeUse::default(), |mut all, (id, pod)| {
            all.add(id, pod);
            all
        })
    }

    fn add(&mut self, id: PodId, pod: &PodFacts) {
        self.pods.push(id);
        add(&mut self.taken, pod.taken());
        if !pod.is_terminating {
            add(&mut self.taken_for_good, pod.taken());
        }
    }
}

impl KeptApart {
    pub fn add(&mut self, terms: &[PodTerm], namespace: &Arc<str>) {
        if terms.iter().any(|term| !term.is_about_own_namespace()) {
            self.is_everywhere = true;
        }
        if !terms.is_empty() && !self.namespaces.contains(namespace) {
            self.namespaces.insert(namespace.clone());
        }
    }

    pub fn has(&self, namespace: &str) -> bool {
        self.is_everywhere || self.namespaces.contains(namespace)
    }
}
