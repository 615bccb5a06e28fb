//! The pods of a run by node, and by UID: each step concerns the pods of one node, however many the others have.

use std::collections::HashMap;
use std::ops::Index;

use super::pod_state::PodState;

/// Of each node the pods in the order of the plan, late ones last.
#[derive(Default)]
pub(super) struct PodTable {
    nodes: Vec<Vec<PodState>>,
    /// Node, and position there.
    by_uid: HashMap<String, (usize, usize)>,
}

impl PodTable {
    pub fn of_node(&self, node: usize) -> &[PodState] {
        self.nodes.get(node).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn of_node_mut(&mut self, node: usize) -> &mut [PodState] {
        self.nodes.get_mut(node).map(Vec::as_mut_slice).unwrap_or_default()
    }

    pub fn iter(&self) -> impl Iterator<Item = &PodState> {
        self.nodes.iter().flatten()
    }

    pub fn get(&self, uid: &str) -> Option<&PodState> {
        self.by_uid.get(uid).map(|&(node, at)| &self.nodes[node][at])
    }

    pub fn get_mut(&mut self, uid: &str) -> Option<&mut PodState> {
        self.by_uid.get(uid).map(|&(node, at)| &mut self.nodes[node][at])
    }

    pub fn contains(&self, uid: &str) -> bool {
        self.by_uid.contains_key(uid)
    }

    pub fn add(&mut self, pod: PodState) {
        if self.nodes.len() <= pod.node {
            self.nodes.resize_with(pod.node + 1, Vec::new);
        }
        let of_node = &mut self.nodes[pod.node];
        self.by_uid.insert(pod.step.uid.clone(), (pod.node, of_node.len()));
        of_node.push(pod);
    }

    pub fn remove(&mut self, uid: &str) {
        let Some((node, at)) = self.by_uid.remove(uid) else { return };
        self.nodes[node].remove(at);
        for (at, pod) in self.nodes[node].iter().enumerate().skip(at) {
            self.by_uid.insert(pod.step.uid.clone(), (node, at));
        }
    }
}

impl Index<&str> for PodTable {
    type Output = PodState;

    fn index(&self, uid: &str) -> &PodState {
        let (node, at) = self.by_uid[uid];
        &self.nodes[node][at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::now;
    use crate::plan::Step;
    use cluster_model::build::pod;

    #[test]
    fn pods_are_found_after_others_are_removed() {
        let mut table = PodTable::default();
        for (name, node) in [("a/p", 1), ("a/q", 0), ("a/r", 1), ("a/s", 1)] {
            let pod = pod(name, "n");
            table.add(PodState::planned(Step::keep(&pod), node, pod, now()));
        }
        table.remove("uid-p");
        table.remove("uid-p");
        let uids = |pods: &[PodState]| pods.iter().map(|p| p.step.uid.clone()).collect::<Vec<_>>();
        assert_eq!(uids(table.of_node(0)), ["uid-q"]);
        assert_eq!(uids(table.of_node(1)), ["uid-r", "uid-s"]);
        assert_eq!(uids(table.of_node(2)), [""; 0]);
        assert!(!table.contains("uid-p") && table.get_mut("uid-p").is_none());
        for uid in ["uid-q", "uid-r", "uid-s"] {
            assert_eq!(table.get(uid).map(|p| p.step.uid.as_str()), Some(uid));
        }
    }
}
