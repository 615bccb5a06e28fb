//! Pods without a place once their node or zone is lost or drained, as the matrix sees it.

use crate::matrix::losses::losses;
use crate::snapshot::places::{Place, Places, Refusal};
use crate::snapshot::{PodState, Snapshot, Workload};

/// What the checks that need it say where it is not known.
pub const UNKNOWN: &str = "the nodes and pods of the cluster could not be read";

pub struct Displaced<'s> {
    pub pod: &'s PodState,
    pub refusal: &'s Refusal,
}

/// The first pod that no other node takes when its own is drained: a pod that is lost with its node needs the same.
pub fn by_node<'s>(workload: &'s Workload, snapshot: &'s Snapshot) -> Option<Displaced<'s>> {
    let places = losses(snapshot)?;
    workload.active().find_map(|pod| displaced(pod, places.drains.get(&*pod.node)))
}

/// The same when its zone is lost, with the zone.
pub fn by_zone<'s>(workload: &'s Workload, snapshot: &'s Snapshot) -> Option<(&'s str, Displaced<'s>)> {
    let places = losses(snapshot).filter(|_| has_several_zones(snapshot))?;
    workload.active().find_map(|pod| {
        let zone = snapshot.zone(snapshot.node(&pod.node)?)?;
        Some((zone, displaced(pod, places.zones.get(zone).map(|loss| &loss.places))?))
    })
}

/// The loss of the only zone is that of the cluster.
fn has_several_zones(snapshot: &Snapshot) -> bool {
    let mut zones = snapshot.nodes.iter().filter_map(|node| snapshot.zone(node));
    let first = zones.next();
    zones.any(|zone| Some(zone) != first)
}

fn displaced<'s>(pod: &'s PodState, places: Option<&'s Places>) -> Option<Displaced<'s>> {
    match places?.get(&pod.uid)? {
        Place::Cannot(refusal) => Some(Displaced { pod, refusal }),
        Place::Fits | Place::Tight(_) | Place::Unknown(_) => None,
    }
}
