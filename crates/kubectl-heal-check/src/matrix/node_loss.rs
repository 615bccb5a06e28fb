//! A node falls silent and does not come back; or all nodes of a zone.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use cluster_model::BudgetStatus;
use cluster_model::text::about;

use super::cell::{Cell, worst_and};
use super::loss::Ending;
use crate::snapshot::places::{Loss, Place};
use crate::snapshot::{PodState, Snapshot, Workload};
use crate::spans;

pub fn node_loss(workload: &Workload, snapshot: &Snapshot, losses: &BTreeMap<String, Loss>) -> Cell {
    let start_up = workload.start_up(snapshot).map(|it| it.median);
    let cells = workload.by_node().into_iter().map(|(node, lost)| {
        let cell = after(workload, snapshot, &lost, losses.get(node), start_up);
        (cell.at(node), impact(workload, &lost))
    });
    worst_and(cells).unwrap_or_else(|| Cell::unknown("it has no pod on a node"))
}

/// Of two losses that heal equally fast the worse one leaves fewer pods that serve, or takes more pods.
pub fn impact(workload: &Workload, lost: &[&PodState]) -> (Reverse<usize>, usize) {
    (Reverse(serving(workload, lost)), lost.len())
}

/// How many pods are ready without these.
fn serving(workload: &Workload, lost: &[&PodState]) -> usize {
    workload.ready().filter(|pod| !lost.iter().any(|it| it.uid == pod.uid)).count()
}

/// What becomes of a workload that loses these pods.
pub fn after(
    workload: &Workload,
    snapshot: &Snapshot,
    lost: &[&PodState],
    loss: Option<&Loss>,
    start_up: Option<i64>,
) -> Cell {
    let still = still_serving(workload, snapshot, lost);
    let Some(loss) = loss else { return super::no_placement() };
    let mut waits = 0;
    for pod in lost {
        match loss.ending(workload, pod) {
            Ending::After(seconds) => waits = waits.max(seconds),
            Ending::StaysTerminating => {
                return Cell::wont(format!(
                    "its pods stay Terminating until the node is back, deleted or declared out of service (HC410); {still}"
                ));
            }
            Ending::TolerationWithoutEnd => {
                // HC409 says nothing of pods that a shorter toleration would not bring back.
                let check = if workload.pinned_to().is_none() { " (HC409)" } else { "" };
                return Cell::wont(format!(
                    "its pods tolerate the loss of their node for ever{check}; {still}"
                ));
            }
            Ending::NotDeleted(why) => return Cell::wont(format!("{why}; {still}")),
            Ending::MayNotBeDeleted(why) => return Cell::unknown(format!("{why}; {still}")),
        }
    }
    let mut doubt = None;
    for pod in lost {
        let why = match loss.places.get(&pod.uid) {
            Some(Place::Cannot(why)) => {
                return Cell::no_place(format!(
                    "no other node takes the replacement of {}: {why}; {still}",
                    pod.name
                ));
            }
            Some(Place::Fits) => continue,
            Some(Place::Tight(why) | Place::Unknown(why)) => why.as_str(),
            None => "the pod came or went while the cluster was read",
        };
        doubt.get_or_insert_with(|| {
            Cell::unknown(format!("whether the replacement of {} finds a place: {why}; {still}", pod.name))
        });
    }
    if let Some(cell) = doubt {
        return cell;
    }
    let start = start_up.map_or("start-up not observed".to_owned(), |seconds| {
        format!("start-up {}", spans::seconds(seconds))
    });
    Cell::heals(
        waits,
        start_up,
        format!("noticed and its pods deleted after {}, then {start}; {still}", about(waits)),
    )
    .while_serve(serving(workload, lost))
}

/// `1 of 3 ready pods still serves, below the 2 that budget shop/web wants`
fn still_serving(workload: &Workload, snapshot: &Snapshot, lost: &[&PodState]) -> String {
    let serving = serving(workload, lost);
    let of = workload.ready().count();
    let budgets = workload.budgets.iter().map(|at| &snapshot.budgets[*at].budget);
    let computed = budgets
        .filter(|it| !matches!(it.status(), BudgetStatus::Stale | BudgetStatus::SyncFailed(_)))
        .max_by_key(|it| it.desired);
    let below = match computed {
        Some(budget) if i64::try_from(serving).unwrap_or(i64::MAX) < budget.desired.into() => {
            format!(", below the {} that budget {} wants", budget.desired, budget.key())
        }
        _ => String::new(),
    };
    match of {
        0 => "no pod of it is ready now".to_owned(),
        _ => format!("{serving} of {of} ready pods still serve{below}"),
    }
}
