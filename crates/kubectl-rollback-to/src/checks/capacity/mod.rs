//! May the new pods run on any node at all, and is there room for those that are made before others go, or in place of them? Judged by the
//! scheduler's own filters ([`cluster_model::feasibility`]), and predicted: new nodes may come, and other pods come and go.

mod place;
mod pod_to_place;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use cluster_model::feasibility::{Miss, PodFacts, Requirements, Scenario, open_nodes, reasons};
use cluster_model::pod::resources::Amounts;
use cluster_model::quantity::show;
use cluster_model::rollout::Rollout;
use cluster_model::{Finding, Known, Severity};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::Case;
use super::pace::Pace;
use pod_to_place::pod_to_place;

const PREDICTED: &str = "capacity-predicted";

/// A pod that has to be placed for this rollback, if the pods of the cluster have to be read for that: for one that is made while the old
/// pods are there, or one that the scheduler does not place by the same rules as the old ones.
pub fn pod_that_needs_room(rollout: &Rollout, template: &Value) -> Option<Pod> {
    // A DaemonSet looks for its nodes itself, and has pods only where they fit.
    let pace = Pace::of(rollout);
    if rollout.id.kind.rules().is_per_node() || pace.desired == 0 {
        return None;
    }
    let pod = pod_to_place(rollout, template, None)?;
    (pace.extra > 0 || !is_placed_as_before(rollout, &pod)).then_some(pod)
}

/// Where the old pod was, there is a place for it once that is gone.
fn is_placed_as_before(rollout: &Rollout, pod: &Pod) -> bool {
    let Some(old) = pod_to_place(rollout, rollout.template(), None) else { return false };
    let labels = |pod: &Pod| {
        let mut labels = pod.metadata.labels.clone().unwrap_or_default();
        labels.remove(rollout.id.kind.hash_label());
        labels
    };
    labels(&old) == labels(pod) && Requirements::of(&old) == Requirements::of(pod)
}

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    if Pace::of(case.rollout()).desired == 0 {
        return Vec::new();
    }
    let Some(pod) = pod_to_place(case.rollout(), case.template(), None) else {
        return vec![not_checked(case, "its template is no pod's that this tool understands")];
    };
    let nodes = match &case.snapshot.nodes {
        Known::Seen(nodes) => nodes,
        Known::Unknown(why) => {
            return vec![not_checked(case, &format!("the nodes could not be read: {why}"))];
        }
    };
    let new = [PodFacts::of_new(&pod)];
    // Another scheduler has its own rules.
    let is_covered = new[0].requirements.not_covered.is_empty();
    let scenario = Scenario::with_new_pods(nodes, &BTreeSet::new(), &new);
    let Some(id) = scenario.new_pods().next() else { return Vec::new() };
    let (open, misses) = open_nodes(&scenario, id);
    let allocatable: Vec<&Amounts> = open.iter().map(|node| &nodes.node(*node).allocatable).collect();
    if is_covered && let Some(finding) = no_node(case, &allocatable, &misses, &new[0].requirements.requests) {
        return vec![finding];
    }
    if pod_that_needs_room(case.rollout(), case.template()).is_none() {
        return Vec::new();
    }
    let found = match &case.snapshot.scheduling {
        Known::Seen(cluster) => place::check(case, cluster),
        Known::Unknown(why) => {
            Some(not_checked(case, &format!("the pods on the nodes could not be read: {why}")))
        }
    };
    // The scheduler places nothing there until then, but that is soon.
    let has_new_node = allocatable.iter().any(|amounts| amounts.is_empty());
    let of_new_node = || not_checked(case, "a node has not reported its resources yet");
    let found = found.map(|it| if has_new_node && it.id == PREDICTED { of_new_node() } else { it });
    found.into_iter().collect()
}

/// Why the nodes alone are enough to know that no pod of the template will run. `open`: what those have that may run it.
fn no_node(case: &Case<'_>, open: &[&Amounts], misses: &[(usize, Miss)], each: &Amounts) -> Option<Finding> {
    if open.is_empty() {
        let message = format!("predicted: no node may run its pods: {}", whys(misses));
        let remedy = "change what keeps its pods off the nodes, or choose another revision";
        return Some(predicted(case, message, remedy));
    }
    let message = too_small(open, each)?;
    Some(predicted(case, message, "add a larger node, or choose another revision"))
}

/// Why none of these nodes could take such a pod even if it were empty. `None` also if one has not reported its allocatable resources yet.
fn too_small(nodes: &[&Amounts], each: &Amounts) -> Option<String> {
    let amount = |of: &Amounts, name: &str| of.get(name).copied().unwrap_or_default();
    let is_large_enough =
        |node: &Amounts| each.iter().all(|(name, requested)| amount(node, name) >= *requested);
    if nodes.iter().any(|node| node.is_empty() || is_large_enough(node)) {
        return None;
    }
    let most = |name: &str| nodes.iter().map(|node| amount(node, name)).max().unwrap_or_default();
    let short = each.iter().find(|(name, requested)| most(name) < **requested).map(|(name, _)| name);
    let (which, it) = match nodes.len() {
        1 => ("the only node it may use is".to_owned(), "it has"),
        n => (format!("all {n} nodes it may use are"), "the largest has"),
    };
    let largest = match short {
        Some(name) => format!(", even if it were empty: {it} {name} {}", show(name, most(name))),
        // No single resource: the one node lacks this, the other that.
        None => ", even if it were empty".to_owned(),
    };
    Some(format!("predicted: {which} too small for a pod of {}{largest}", requested(each)))
}

fn predicted(case: &Case<'_>, message: String, remedy: &str) -> Finding {
    case.finding(PREDICTED, Severity::Warning, message).remedy(remedy)
}

fn not_checked(case: &Case<'_>, why: &str) -> Finding {
    let message = format!("whether its pods have room is not known: {why}");
    case.finding("capacity-not-checked", Severity::Unknown, message)
}

/// `2 nodes: no label disk=ssd; 1 node: cordoned`
fn whys(misses: &[(usize, Miss)]) -> String {
    if misses.is_empty() { "there are none".to_owned() } else { reasons(misses).join("; ") }
}

fn requested(each: &Amounts) -> String {
    let requested: Vec<String> = ["cpu", "memory"]
        .into_iter()
        .filter_map(|name| Some(format!("{name} {}", show(name, *each.get(name)?))))
        .collect();
    if requested.is_empty() { "no requests".to_owned() } else { requested.join(", ") }
}
