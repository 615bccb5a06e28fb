//! Which nodes pods may use as far as the nodes themselves decide (node selector, node affinity, taints): pods of different node pools are
//! never in each other's way.

use std::collections::HashMap;

use super::cluster::NodeId;
use super::requirements::Requirements;
use super::rules::StaticFilters;
use super::scenario::{Replacement, Scenario};

/// By node.
pub type NodeSet = Vec<bool>;

/// Pods of one template share a set, and a cluster has few of them.
#[derive(Debug)]
pub struct Pools<'a> {
    scenario: &'a Scenario<'a>,
    sets: Vec<NodeSet>,
    by_set: HashMap<NodeSet, usize>,
    by_requirements: HashMap<*const Requirements, usize>,
}

impl<'a> Pools<'a> {
    pub fn new(scenario: &'a Scenario<'a>) -> Self {
        Pools { scenario, sets: Vec::new(), by_set: HashMap::new(), by_requirements: HashMap::new() }
    }

    /// The pool of this pod; pods of one pool may use the same nodes.
    pub fn of(&mut self, pod: Replacement<'a>) -> usize {
        let requirements = std::ptr::from_ref(pod.requirements);
        if let Some(known) = self.by_requirements.get(&requirements) {
            return *known;
        }
        let filters = StaticFilters::all(self.scenario, pod);
        let set: NodeSet = self.scenario.nodes().map(|node| filters.pass(node)).collect();
        let new = self.sets.len();
        let pool = *self.by_set.entry(set.clone()).or_insert(new);
        if pool == new {
            self.sets.push(set);
        }
        self.by_requirements.insert(requirements, pool);
        pool
    }

    pub fn all(&self) -> impl Iterator<Item = usize> + use<> {
        0..self.sets.len()
    }

    pub fn nodes(&self, pool: usize) -> &NodeSet {
        &self.sets[pool]
    }

    pub fn has_one_of(&self, pool: usize, nodes: &[NodeId]) -> bool {
        nodes.iter().any(|node| self.sets[pool][node.0 as usize])
    }
}
