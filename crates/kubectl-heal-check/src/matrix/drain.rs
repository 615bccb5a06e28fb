//! A node is drained: its pods are evicted as the disruption budgets allow.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use cluster_model::disruption_budget::Rule;
use cluster_model::{BudgetStatus, selector};

use super::asked;
use super::cell::{Cell, worst_and};
use crate::snapshot::places::{Place, Places};
use crate::snapshot::{Kind, PodState, Read, Snapshot, Workload};

pub fn drain(workload: &Workload, snapshot: &Snapshot, places: &BTreeMap<String, Places>) -> Cell {
    let predicted = budgets(workload, snapshot, None);
    let Some(eviction) = asked::eviction(workload, snapshot) else {
        return predicted.unwrap_or_else(|| evicted(workload, snapshot, places));
    };
    if let Some(cell) = asked::not_accepted(eviction, predicted.as_ref()) {
        return cell;
    }
    // Of the pods under other budgets than the one that was asked about.
    match budgets(workload, snapshot, Some(&eviction.uid)) {
        Some(blocked) => blocked,
        None => asked::accepted(eviction, evicted(workload, snapshot, places), predicted.as_ref()),
    }
}

/// What becomes of its pods if the budgets allow it.
fn evicted(workload: &Workload, snapshot: &Snapshot, places: &BTreeMap<String, Places>) -> Cell {
    let start_up = workload.start_up(snapshot).map(|it| it.median);
    let cells = workload.by_node().into_iter().map(|(node, evicted)| {
        let serving = serving(workload, snapshot, &evicted);
        let cell = of_node(workload, snapshot, node, &evicted, places.get(node), serving, start_up);
        // Of two that take equally long the worse one leaves fewer that serve, or takes more pods.
        (cell.at(node), (Reverse(serving), evicted.len()))
    });
    worst_and(cells).unwrap_or_else(|| Cell::unknown("it has no pod on a node"))
}

/// What the budgets of its pods say, if it is not simply yes. `accepted`: the UID of a pod that the server would evict, and with it those
/// that are under the same budgets.
pub fn budgets(workload: &Workload, snapshot: &Snapshot, accepted: Option<&str>) -> Option<Cell> {
    if let Some((read, why)) = snapshot.missing(&[Read::Budgets]) {
        return Some(Cell::unknown(format!("{read}: {why}")));
    }
    let selecting = |labels: &BTreeMap<String, String>| selecting(workload, snapshot, labels);
    let accepted = workload.active().find(|pod| Some(&*pod.uid) == accepted);
    let accepted = accepted.map(|pod| selecting(&pod.labels));
    let template = snapshot.origin.is_manifests().then(|| workload.labels());
    let evicted = workload.active().filter(|pod| pod.needs_budget());
    for labels in evicted.map(|pod| &*pod.labels).chain(&template) {
        let selecting = selecting(labels);
        if accepted.as_ref() == Some(&selecting) {
            continue;
        }
        let selecting: Vec<_> = selecting.into_iter().map(|at| &snapshot.budgets[at].budget).collect();
        match selecting.as_slice() {
            [] => {}
            [budget] => {
                let (key, healthy, expected) = (budget.key(), budget.healthy, budget.expected);
                match budget.status() {
                    BudgetStatus::Allows(_) => {}
                    BudgetStatus::Blocked if *budget.rule() == Rule::None => {
                        return Some(Cell::wont(format!(
                            "budget {key} has no rule and allows no eviction (HC207)"
                        )));
                    }
                    BudgetStatus::Blocked => {
                        return Some(Cell::wont(format!(
                            "budget {key} never allows an eviction ({}, HC204)",
                            budget.rule()
                        )));
                    }
                    BudgetStatus::Exhausted => {
                        return Some(Cell::wont(format!(
                            "budget {key} allows no eviction while {healthy} of {expected} pods are healthy"
                        )));
                    }
                    BudgetStatus::Stale => {
                        return Some(Cell::unknown(format!("budget {key} was not computed yet")));
                    }
                    BudgetStatus::SyncFailed(why) => {
                        return Some(Cell::unknown(format!("budget {key} cannot be computed: {why}")));
                    }
                }
            }
            _ => return Some(Cell::wont("several budgets select its pods: every eviction fails (HC206)")),
        }
    }
    None
}

/// The budgets that select a pod with these labels, by their position in the snapshot.
fn selecting(workload: &Workload, snapshot: &Snapshot, labels: &BTreeMap<String, String>) -> Vec<usize> {
    let selects = |at: &usize| selector::selects(snapshot.budgets[*at].budget.selector(), Some(labels));
    workload.budgets.iter().copied().filter(selects).collect()
}

/// How many of its pods are ready at any time while these are evicted, at least: a pod counts as gone until its replacement is Ready, and
/// the budgets let no more of those that they select be gone. `None`: what they allow is not known.
fn serving(workload: &Workload, snapshot: &Snapshot, evicted: &[&PodState]) -> Option<usize> {
    let mut leaving: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    for pod in evicted.iter().filter(|pod| pod.is_ready) {
        *leaving.entry(selecting(workload, snapshot, &pod.labels)).or_default() += 1;
    }
    let ready = workload.ready().count();
    let elsewhere = ready - leaving.values().sum::<usize>();
    let at_once = |(budgets, leaving): (Vec<usize>, usize)| match budgets.as_slice() {
        [] => Some(leaving),
        // A drain does not go on without it.
        _ if leaving == 1 => Some(1),
        [at] => match snapshot.budgets[*at].budget.status() {
            BudgetStatus::Allows(allowed) => Some(leaving.min(usize::try_from(*allowed).unwrap_or_default())),
            _ => None,
        },
        _ => None,
    };
    match leaving.into_iter().map(at_once).sum::<Option<usize>>() {
        Some(gone) => Some(ready - gone),
        None => Some(elsewhere).filter(|it| *it > 0),
    }
}

/// How many of its pods may be evicted at the same time. `None`: no budget limits it.
fn at_once(workload: &Workload, snapshot: &Snapshot) -> Option<i64> {
    workload.budgets.iter().map(|at| i64::from(snapshot.budgets[*at].budget.allowed)).min()
}

fn of_node(
    workload: &Workload,
    snapshot: &Snapshot,
    node: &str,
    evicted: &[&PodState],
    places: Option<&Places>,
    serving: Option<usize>,
    start_up: Option<i64>,
) -> Cell {
    let Some(places) = places else { return super::no_placement() };
    if snapshot.is_gone(node) {
        return Cell::unknown(format!("node {node} does not exist any more"));
    }
    if workload.kind == Kind::StatefulSet && snapshot.is_down(node) {
        return Cell::wont(format!(
            "node {node} is not Ready: no pod there ends, and no other is made before"
        ));
    }
    for pod in evicted {
        match places.get(&pod.uid) {
            Some(Place::Fits) => {}
            Some(Place::Cannot(why)) => {
                return Cell::no_place(format!("no other node takes the replacement of {}: {why}", pod.name));
            }
            Some(Place::Tight(why) | Place::Unknown(why)) => {
                return Cell::unknown(format!(
                    "whether the replacement of {} finds another place: {why}",
                    pod.name
                ));
            }
            None => return Cell::unknown("the pod came or went while the cluster was read"),
        }
    }
    // One after the other as far as a budget demands it; then each has to be Ready before the next is evicted.
    let count = i64::try_from(evicted.len()).unwrap_or(i64::MAX);
    let rounds =
        at_once(workload, snapshot).map_or(1, |at_once| count.saturating_add(at_once - 1) / at_once.max(1));
    let waits = match workload.kind {
        Kind::StatefulSet => {
            rounds.saturating_mul(evicted.iter().map(|pod| pod.grace).max().unwrap_or_default())
        }
        _ => 0,
    };
    let starts = if workload.is_ordered() { count } else { rounds };
    let (ready, elsewhere) =
        (workload.ready().count(), workload.ready().filter(|pod| &*pod.node != node).count());
    let reason = match (elsewhere, serving) {
        (0, Some(0)) => {
            "an outage: its replacement fits elsewhere, and nothing of it serves until that is ready"
                .to_owned()
        }
        (0, Some(1)) => format!(
            "its replacements fit elsewhere, and as its budget allows, at least 1 of {ready} ready pods serves meanwhile"
        ),
        (0, Some(n)) => format!(
            "its replacements fit elsewhere, and as its budget allows, at least {n} of {ready} ready pods serve meanwhile"
        ),
        (0, None) => {
            "its replacements fit elsewhere; how many of its pods its budget lets go at once is not known"
                .to_owned()
        }
        (n, _) => format!("its replacements fit elsewhere; {n} ready on other nodes"),
    };
    let cell = Cell::heals(waits, start_up.map(|it| it.saturating_mul(starts)), reason);
    match serving {
        Some(serving) => cell.while_serve(serving),
        None => cell,
    }
}
