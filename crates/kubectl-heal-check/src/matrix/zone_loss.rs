//! All nodes of a zone fall silent.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::NodeExt;

use super::cell::{Cell, worst};
use super::node_loss::after;
use super::placement::Places;
use crate::snapshot::{PodState, Read, Snapshot, Workload, zone};

/// The nodes of each zone; `None` if the zone of a node is not known.
pub fn zones(snapshot: &Snapshot) -> Option<BTreeMap<&str, Vec<&str>>> {
    let mut zones: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in &snapshot.nodes {
        zones.entry(zone(node)?).or_default().push(node.name());
    }
    Some(zones)
}

pub fn zone_loss(workload: &Workload, snapshot: &Snapshot, places: &BTreeMap<String, Places>) -> Cell {
    if snapshot.missing(&[Read::Nodes]).is_some() {
        return super::no_placement();
    }
    let Some(zones) = zones(snapshot) else {
        return Cell::unknown("nodes without label topology.kubernetes.io/zone: what a zone is is not known");
    };
    if zones.len() < 2 {
        return Cell::none("the cluster has one zone");
    }
    let of_pod = |pod: &PodState| snapshot.node(&pod.node).and_then(zone);
    let used: BTreeSet<&str> = workload.active().filter_map(of_pod).collect();
    let cells = used.iter().map(|name| {
        let lost: Vec<&PodState> = workload.active().filter(|pod| of_pod(pod) == Some(name)).collect();
        let nodes = zones.get(name).map_or(0, Vec::len);
        after(workload, &lost, places.get(*name), nodes.saturating_sub(1)).at(*name)
    });
    worst(cells).unwrap_or_else(|| Cell::unknown("it has no pod on a node"))
}
