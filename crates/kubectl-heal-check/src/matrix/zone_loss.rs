//! All nodes of a zone fall silent.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::NodeExt;
use cluster_model::feasibility::Miss;
use cluster_model::feasibility::rules::misfit;

use super::cell::{Cell, worst_and};
use super::node_loss::{after, impact};
use crate::snapshot::places::Loss;
use crate::snapshot::{PodState, Read, Snapshot, Workload};

/// The nodes of each zone. Those without a label are in none.
pub fn zones(snapshot: &Snapshot) -> BTreeMap<&str, Vec<&str>> {
    let mut zones: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in snapshot.nodes.iter() {
        if let Some(zone) = snapshot.zone(node) {
            zones.entry(zone).or_default().push(node.name());
        }
    }
    zones
}

/// A node without a zone that has a pod of it, or may get one.
fn without_zone<'s>(workload: &Workload, snapshot: &'s Snapshot) -> Option<&'s str> {
    let nodes = snapshot.nodes.iter().zip(snapshot.node_facts.iter());
    let mut nodes = nodes.filter(|(node, _)| snapshot.zone(node).is_none()).peekable();
    nodes.peek()?;
    let wanted = workload.requirements();
    let found = nodes.find(|(node, facts)| {
        workload.active().any(|pod| &*pod.node == node.name())
            || matches!(misfit(wanted, facts), None | Some(Miss::Cordoned))
    });
    found.map(|(node, _)| node.name())
}

pub fn zone_loss(workload: &Workload, snapshot: &Snapshot, losses: &BTreeMap<String, Loss>) -> Cell {
    if snapshot.missing(&[Read::Nodes]).is_some() {
        return super::no_placement();
    }
    if let Some(node) = without_zone(workload, snapshot) {
        return Cell::unknown(format!("node {node} has no label {}", snapshot.domain.label));
    }
    let zones = zones(snapshot);
    if zones.len() < 2 {
        return Cell::none(format!("the cluster has one {}", snapshot.domain));
    }
    let of_pod = |pod: &PodState| snapshot.node(&pod.node).and_then(|node| snapshot.zone(node));
    let used: BTreeSet<&str> = workload.active().filter_map(of_pod).collect();
    let start_up = workload.start_up(snapshot).map(|it| it.median);
    let cells = used.iter().map(|name| {
        let lost: Vec<&PodState> = workload.active().filter(|pod| of_pod(pod) == Some(name)).collect();
        let cell = after(workload, snapshot, &lost, losses.get(*name), start_up);
        (cell.at(*name), impact(workload, &lost))
    });
    worst_and(cells).unwrap_or_else(|| Cell::unknown("it has no pod on a node"))
}
