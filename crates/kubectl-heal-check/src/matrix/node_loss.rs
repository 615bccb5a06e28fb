//! A node falls silent and does not come back; or all nodes of a zone.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::healing::node_loss::{DETECTION, Deletion, SECONDS_PER_NODE};
use cluster_model::text::span;

use super::cell::{Cell, worst};
use super::placement::{Place, Places};
use crate::snapshot::{Kind, PodState, Workload};

pub fn node_loss(workload: &Workload, places: &BTreeMap<String, Places>) -> Cell {
    let nodes: BTreeSet<&str> =
        workload.active().map(|pod| pod.node.as_str()).filter(|it| !it.is_empty()).collect();
    let cells = nodes.iter().map(|node| {
        let lost: Vec<&PodState> = workload.active().filter(|pod| pod.node == *node).collect();
        after(workload, &lost, places.get(*node), 0).at(*node)
    });
    worst(cells).unwrap_or_else(|| Cell::unknown("it has no pod on a node"))
}

/// What becomes of a workload that loses these pods. `nodes_before`: how many nodes are tainted before the last of theirs.
pub fn after(workload: &Workload, lost: &[&PodState], places: Option<&Places>, nodes_before: usize) -> Cell {
    let serving = workload.ready().filter(|pod| !lost.iter().any(|it| it.uid == pod.uid)).count();
    let still = format!("{serving} of {} ready pods still serve", workload.ready().count());
    if workload.kind == Kind::StatefulSet {
        return Cell::wont(format!(
            "its pods stay Terminating until the node is back, deleted or declared out of service (HC410); {still}"
        ));
    }
    let Deletion::After(tolerated) = lost.iter().map(|pod| pod.after_loss).max().unwrap_or(Deletion::Never)
    else {
        return Cell::wont(format!("its pods tolerate the loss of their node for ever (HC409); {still}"));
    };
    let Some(places) = places else { return super::no_placement() };
    for pod in lost {
        let why = match places.get(&pod.uid) {
            Some(Place::Fits) => continue,
            Some(Place::Cannot(why)) => {
                return Cell::wont(format!("no node takes the replacement of {}: {why}; {still}", pod.name));
            }
            Some(Place::Tight(why) | Place::Unknown(why)) => why.clone(),
            None => "the pod came or went while the cluster was read".to_owned(),
        };
        return Cell::unknown(format!(
            "whether the replacement of {} finds a place: {why}; {still}",
            pod.name
        ));
    }
    if lost.iter().any(|pod| pod.has_claims) {
        return Cell::unknown(format!(
            "whether its volumes can be detached from a lost node is not known; {still}"
        ));
    }
    if lost.iter().any(|pod| pod.keeps_domain) {
        return Cell::unknown(format!(
            "its anti-affinity counts a pod of a lost node until its object is gone; {still}"
        ));
    }
    let waits = DETECTION
        + tolerated
        + i64::try_from(nodes_before).unwrap_or(i64::MAX).saturating_mul(SECONDS_PER_NODE);
    let start_up = workload.start_up().map(|it| it.median);
    let start =
        start_up.map_or("start-up not observed".to_owned(), |seconds| format!("start-up {}", span(seconds)));
    Cell::heals(
        waits,
        start_up,
        format!("noticed and its pods deleted after about {}, then {start}; {still}", span(waits)),
    )
}
