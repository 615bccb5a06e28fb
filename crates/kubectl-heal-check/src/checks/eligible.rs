//! The nodes that a template allows, as far as the nodes themselves decide.

use cluster_model::NodeExt;
use cluster_model::feasibility::rules::misfit;
use k8s_openapi::api::core::v1::Node;

use crate::snapshot::{Snapshot, Workload};

/// Ready, not cordoned, with the labels that it wants and no taint that it does not tolerate. Whether there is room is another question.
pub fn eligible<'s>(snapshot: &'s Snapshot, workload: &Workload) -> impl Iterator<Item = &'s Node> {
    let wanted = workload.requirements();
    let nodes = snapshot.nodes.iter().zip(snapshot.node_facts.iter());
    let open =
        nodes.filter(move |(node, facts)| node.not_ready().is_none() && misfit(wanted, facts).is_none());
    open.map(|(node, _)| node)
}
