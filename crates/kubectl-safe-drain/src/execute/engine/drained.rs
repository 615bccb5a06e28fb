//! Whether a node is drained. Only `judge` decides that, and only from a list that was just read.

use cluster_model::PodExt;
use k8s_openapi::api::core::v1::Pod;

use super::pod_state::Phase;
use super::pod_table::PodTable;

/// A node as it was just read, by consistent reads that were sent after everything before them was known.
#[derive(Clone, Debug, Default)]
pub struct NodeNow {
    /// `None`: the node is gone.
    pub cordoned: Option<bool>,
    pub pods: Vec<Pod>,
    /// Pods that `--pod-selector` does not select.
    pub unselected: Vec<Pod>,
    /// Pods that will be bound here as soon as their volume is provisioned; `None` where they were not read.
    pub awaited: Option<Vec<Pod>>,
}

/// How a node's drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeEnd {
    Drained,
    /// Pods that should be gone are still there, or will be recreated.
    PodsLeft,
    Uncordoned,
    /// It was deleted, or another node has its name.
    Gone,
}

/// The end that this list proves; `None` while pods on it are still to be evicted.
///
/// `recreated`: some pods will be recreated on this node by their controller, so that an empty list does not prove it drained.
pub(super) fn judge(read: &NodeNow, pods: &PodTable, recreated: bool) -> Option<NodeEnd> {
    if read.cordoned != Some(true) {
        return None;
    }
    let awaited = read.awaited.as_ref()?;
    let mut left = recreated;
    for pod in read.pods.iter().chain(awaited) {
        match pods.get(pod.uid()).map(|state| state.phase) {
            Some(Phase::Ignored) => {}
            Some(Phase::Remaining | Phase::Failed) => left = true,
            // Not known, or known and not done with: the list is newer.
            _ => return None,
        }
    }
    Some(if left { NodeEnd::PodsLeft } else { NodeEnd::Drained })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{inventory_of, now};
    use crate::execute::engine::pod_state::PodState;
    use crate::options::Options;
    use crate::plan::plan;
    use cluster_model::build::pod;

    fn judged(phase: Phase, listed: bool, recreated: bool) -> Option<NodeEnd> {
        let inventory = inventory_of(vec![pod("a/p", "n1")]);
        let step = plan(&inventory, &Options::default()).nodes[0].steps[0].clone();
        let mut state = PodState::planned(step, 0, pod("a/p", "n1"), now());
        state.phase = phase;
        let pods = if listed { vec![pod("a/p", "n1")] } else { Vec::new() };
        let read = NodeNow { cordoned: Some(true), pods, awaited: Some(Vec::new()), ..NodeNow::default() };
        let mut table = PodTable::default();
        table.add(state);
        judge(&read, &table, recreated)
    }

    #[test]
    fn only_a_list_without_what_should_leave_is_drained() {
        assert_eq!(judged(Phase::Gone, false, false), Some(NodeEnd::Drained));
        assert_eq!(judged(Phase::Ignored, true, false), Some(NodeEnd::Drained));
        assert_eq!(judged(Phase::Gone, true, false), None, "listed, though it was thought to be gone");
        assert_eq!(judged(Phase::Terminating { since: now() }, true, false), None);
        assert_eq!(judged(Phase::Failed, true, false), Some(NodeEnd::PodsLeft));
        assert_eq!(judged(Phase::Remaining, true, false), Some(NodeEnd::PodsLeft));
        assert_eq!(judged(Phase::Gone, false, true), Some(NodeEnd::PodsLeft), "its controller recreates it");
    }

    #[test]
    fn a_node_that_is_not_cordoned_is_not_drained() {
        for cordoned in [None, Some(false)] {
            let read = NodeNow { cordoned, awaited: Some(Vec::new()), ..NodeNow::default() };
            assert_eq!(judge(&read, &PodTable::default(), false), None);
        }
    }

    #[test]
    fn a_reading_without_awaited_pods_is_not_the_last() {
        let read = NodeNow { cordoned: Some(true), ..NodeNow::default() };
        assert_eq!(judge(&read, &PodTable::default(), false), None);
    }
}
