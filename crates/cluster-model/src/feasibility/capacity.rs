//! How many pods of one kind the nodes can take together, at most.

use std::collections::BTreeMap;

use super::cluster::NodeId;
use super::rule::Reach;
use super::rules::RULES;
use super::scenario::{Replacement, Scenario};

/// `nodes`: those that take one of them. No other pod takes room, and what is terminating is gone, so more than this never fit.
pub fn capacity(scenario: &Scenario<'_>, pod: Replacement<'_>, nodes: &[NodeId]) -> usize {
    let room: Vec<(NodeId, usize)> =
        nodes.iter().map(|node| (*node, of_node(scenario, pod, *node))).collect();
    let conflicts = RULES.iter().filter_map(|rule| rule.conflicts).flat_map(|of| of(scenario, pod, pod));
    // Each of them is a limit of its own: what keeps two pods apart in a zone says nothing about two in one rack.
    let limits = conflicts.filter(|it| it.is_certain).map(|it| limited(scenario, &room, &it.reach));
    let all = room.iter().fold(0, |sum: usize, (_, count)| sum.saturating_add(*count));
    limits.fold(all, usize::min)
}

/// With no two of them within `reach` of each other.
fn limited(scenario: &Scenario<'_>, room: &[(NodeId, usize)], reach: &Reach) -> usize {
    let mut sum = 0_usize;
    let mut domains: BTreeMap<&str, usize> = BTreeMap::new();
    for (node, count) in room {
        match reach {
            Reach::Everywhere => sum = sum.max(*count).min(1),
            Reach::Node => sum = sum.saturating_add(*count.min(&1)),
            Reach::Domain(key) => match scenario.node(*node).labels.get(key) {
                Some(value) => *domains.entry(value).or_default() |= *count.min(&1),
                // Anti-affinity does not apply to a node without the label: it is no domain.
                None => sum = sum.saturating_add(*count),
            },
        }
    }
    sum.saturating_add(domains.into_values().sum())
}

fn of_node(scenario: &Scenario<'_>, pod: Replacement<'_>, node: NodeId) -> usize {
    let requested = pod.requirements.requests.iter().filter(|(_, amount)| **amount > 0);
    let counts = requested.map(|(resource, amount)| {
        let all = scenario.node(node).allocatable.get(resource).copied().unwrap_or_default();
        let taken = scenario.taken_for_good(node).get(resource).copied().unwrap_or_default();
        usize::try_from(all.saturating_sub(taken).max(0) / amount).unwrap_or(usize::MAX)
    });
    counts.min().unwrap_or(usize::MAX)
}
