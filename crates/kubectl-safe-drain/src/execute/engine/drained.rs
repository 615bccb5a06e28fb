//! Whether a node is drained. Only `judge` says so, and only about a list that was just read.

use std::collections::BTreeMap;

use cluster_model::PodExt;
use k8s_openapi::api::core::v1::Pod;

use super::pods::{Phase, PodState};

/// A node as it was just read, by consistent reads that were sent after everything before them was known.
#[derive(Clone, Debug, Default)]
pub struct NodeNow {
    /// `None`: the node is gone.
    pub cordoned: Option<bool>,
    pub pods: Vec<Pod>,
    /// Pods that `--pod-selector` does not select.
    pub unselected: Vec<Pod>,
    /// Pods that will be bound here as soon as their volume is provisioned.
    pub awaited: Vec<Pod>,
}

/// How a node's drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeEnd {
    Drained,
    /// Pods that should have left are still there, or will be put back.
    PodsLeft,
    Uncordoned,
}

/// The end that this list proves; `None` while pods on it have yet to leave.
///
/// `returning` holds pods whose controller puts them back on this node: an empty list does not show that they stay away.
pub(super) fn judge(read: &NodeNow, pods: &BTreeMap<String, PodState>, returning: bool) -> Option<NodeEnd> {
    if read.cordoned != Some(true) {
        return None;
    }
    let mut left = returning;
    for pod in read.pods.iter().chain(&read.awaited) {
        match pods.get(pod.uid()).map(|state| state.phase) {
            Some(Phase::Kept) => {}
            Some(Phase::Remains | Phase::Failed) => left = true,
            // Not known, or known and not done with: that it was thought to be gone counts for nothing.
            _ => return None,
        }
    }
    Some(if left { NodeEnd::PodsLeft } else { NodeEnd::Drained })
}
