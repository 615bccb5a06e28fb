//! The nodes that a template allows, as far as the nodes themselves decide.

use cluster_model::NodeExt;
use cluster_model::scheduling::misfit;
use k8s_openapi::api::core::v1::Node;

use crate::snapshot::{Snapshot, Workload};

/// Ready, not cordoned, with the labels that it wants and no taint that it does not tolerate. Whether there is room is another question.
pub fn eligible<'s>(snapshot: &'s Snapshot, workload: &'s Workload) -> impl Iterator<Item = &'s Node> {
    snapshot.nodes.iter().filter(|node| node.not_ready().is_none() && misfit(node, workload.spec()).is_none())
}
