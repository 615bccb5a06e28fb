//! A pod is deleted, or evicted by its kubelet.

use std::collections::BTreeMap;

use cluster_model::healing::start_up::StartUp;
use cluster_model::text::{count, span};

use super::cell::{Cell, worst_and};
use super::placement::Placement;
use crate::snapshot::places::Place;
use crate::snapshot::{Kind, Snapshot, Workload};
use crate::spans;

pub fn pod_loss(workload: &Workload, snapshot: &Snapshot, placement: Option<&Placement<'_>>) -> Cell {
    if let Some(node) = workload.pinned_to() {
        let why = match () {
            () if snapshot.is_gone(node) => Some("does not exist"),
            () if snapshot.is_down(node) => Some("is not Ready"),
            () => None,
        };
        if let Some(why) = why {
            return Cell::wont(format!("its template names node {node}, which {why}")).at(node);
        }
    }
    let Some(placement) = placement else { return super::no_placement() };
    // Pods of one template differ by where they are.
    let mut one_a_node: BTreeMap<&str, &str> = workload.active().map(|pod| (&*pod.node, &*pod.uid)).collect();
    // One that waits for a node, perhaps of a newer template, says nothing of those that have one.
    if one_a_node.len() > 1 {
        one_a_node.remove("");
    }
    let start_up = workload.start_up(snapshot);
    let cell = |uid: &str| match placement.deleted(uid) {
        Place::Fits => {
            // The pods of these kinds have names or nodes of their own: the next one waits until the last is gone.
            let waits = match workload.kind {
                Kind::StatefulSet | Kind::DaemonSet => {
                    workload.active().map(|pod| pod.grace).max().unwrap_or(30)
                }
                _ if placement.waits_for_its_own_place(uid) => {
                    workload.active().find(|pod| &*pod.uid == uid).map_or(0, |pod| pod.grace)
                }
                _ => 0,
            };
            let others = workload.ready().filter(|pod| &*pod.uid != uid).count();
            Cell::heals(waits, start_up.map(|it| it.median), seen(workload, start_up, waits))
                .while_serve(others)
        }
        Place::Tight(why) | Place::Unknown(why) => {
            Cell::unknown(format!("whether its replacement finds a place: {why}"))
        }
        Place::Cannot(why) => Cell::no_place(format!("no node takes its replacement: {why}")),
    };
    let waits_for_the_last = matches!(workload.kind, Kind::StatefulSet | Kind::DaemonSet);
    let cells = one_a_node.iter().map(|(node, uid)| match () {
        () if waits_for_the_last && snapshot.is_down(node) => {
            Cell::wont(format!("node {node} is not Ready: no pod there ends, and no other is made before"))
                .at(*node)
        }
        () => cell(uid).at(*node),
    });
    // Of equal times the one after which nothing serves.
    let cells = cells.map(|cell| {
        let outage = cell.outage;
        (cell, outage)
    });
    worst_and(cells).unwrap_or_else(|| Cell::unknown("it has no pod"))
}

fn seen(workload: &Workload, start_up: Option<StartUp>, waits: i64) -> String {
    let most = span(waits);
    let first = if waits > 0 {
        match workload.kind {
            Kind::StatefulSet | Kind::DaemonSet => {
                format!("the next pod is made when the last is gone, {most} at most; ")
            }
            _ => format!("its replacement needs the room of the pod that goes, {most} at most; "),
        }
    } else {
        String::new()
    };
    match start_up {
        Some(it) if it.samples == 1 => {
            format!("{first}start-up {}, of one pod", spans::seconds(it.median))
        }
        Some(it) => format!(
            "{first}start-up {} in the median of {}, {} at most",
            spans::seconds(it.median),
            count(it.samples, "pod"),
            spans::seconds(it.largest)
        ),
        None => format!("{first}how long its pods take to start was not observed"),
    }
}
