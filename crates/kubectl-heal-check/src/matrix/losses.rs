//! Where the pods of each node and zone go if it is lost or drained. Computed once for a snapshot, and only if somebody asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::matrix::placement::Placement;
use crate::matrix::zone_loss::zones;
use crate::parallel;
use crate::snapshot::places::{Loss, Losses};
use crate::snapshot::{Kind, Snapshot};

/// `None`: the nodes and pods of the cluster are not known.
pub fn losses(snapshot: &Snapshot) -> Option<&Losses> {
    let cluster = snapshot.scheduling.seen()?;
    Some(snapshot.losses.get_or_init(|| Arc::new(of(snapshot, &Placement::of(snapshot, cluster)))))
}

/// Of the nodes that have pods of the workloads in question.
fn of(snapshot: &Snapshot, placement: &Placement<'_>) -> Losses {
    let workloads = snapshot.posture().filter(|it| it.kind != Kind::Job);
    let nodes = workloads.flat_map(|it| it.active()).map(|pod| &*pod.node).filter(|it| !it.is_empty());
    let nodes: Vec<&str> = nodes.collect::<BTreeSet<_>>().into_iter().collect();
    let of_nodes = parallel::map(&nodes, |node| {
        let (lost, drained) = placement.lost_and_drained(node);
        (Loss::of(snapshot, placement, &[node], lost), drained)
    });
    let mut losses = Losses::default();
    for (node, (loss, drain)) in nodes.into_iter().zip(of_nodes) {
        losses.nodes.insert(node.to_owned(), loss);
        losses.drains.insert(node.to_owned(), drain);
    }
    for (zone, nodes) in zones(snapshot) {
        if nodes.iter().any(|node| losses.nodes.contains_key(*node)) {
            losses
                .zones
                .insert(zone.to_owned(), Loss::of(snapshot, placement, &nodes, placement.lost(&nodes)));
        }
    }
    losses
}
