//! The nodes by the value that one label has: the domains of a topology key.

use std::collections::HashMap;

use super::node::NodeFacts;
use super::pod_facts::NodeId;

/// Values are numbers here: they are compared for every node of every scenario.
#[derive(Clone, Debug)]
pub struct Topology {
    /// By node; `None`: it has no such label.
    of_node: Vec<Option<usize>>,
    values: usize,
}

impl Topology {
    pub fn of(nodes: &[NodeFacts], key: &str) -> Self {
        let mut values: HashMap<&str, usize> = HashMap::new();
        let of_node = nodes.iter().map(|node| {
            let next = values.len();
            Some(*values.entry(node.labels.get(key)?).or_insert(next))
        });
        let of_node = of_node.collect();
        Topology { of_node, values: values.len() }
    }

    pub fn value(&self, node: NodeId) -> Option<usize> {
        self.of_node[node.0 as usize]
    }

    /// How many values there are: all of them are less than this.
    pub fn values(&self) -> usize {
        self.values
    }
}
