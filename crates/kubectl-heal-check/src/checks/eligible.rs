//! The nodes that a template allows, as far as the nodes themselves decide.

use cluster_model::NodeExt;
use cluster_model::feasibility::Miss;
use cluster_model::feasibility::rules::misfit;
use k8s_openapi::api::core::v1::Node;

use crate::snapshot::{Snapshot, Workload};

/// Ready, not cordoned, with the labels that it wants and no taint that it does not tolerate. Whether there is room is another question.
pub fn eligible<'s>(snapshot: &'s Snapshot, workload: &Workload) -> impl Iterator<Item = &'s Node> {
    ready(snapshot, workload).filter(|(_, miss)| miss.is_none()).map(|(node, _)| node)
}

/// The others that are ready, with the number of those that have the same reason.
pub fn misses(snapshot: &Snapshot, workload: &Workload) -> Vec<(usize, Miss)> {
    let mut all: Vec<Miss> = ready(snapshot, workload).filter_map(|(_, miss)| miss).collect();
    all.sort();
    all.chunk_by(|a, b| a == b).map(|same| (same.len(), same[0].clone())).collect()
}

fn ready<'s>(snapshot: &'s Snapshot, workload: &Workload) -> impl Iterator<Item = (&'s Node, Option<Miss>)> {
    let wanted = workload.requirements();
    let nodes = snapshot.nodes.iter().zip(snapshot.node_facts.iter());
    nodes
        .filter(|(node, _)| node.not_ready().is_none())
        .map(move |(node, facts)| (node, misfit(wanted, facts)))
}
