//! How many pods of one kind the nodes can take together, at most.

use std::collections::BTreeMap;

use super::cluster::NodeId;
use super::rule::Reach;
use super::rules::RULES;
use super::scenario::{Replacement, Scenario};

/// `nodes`: those that take one of them. No other pod takes room, and what is terminating is gone, so more than this never fit.
pub fn capacity(scenario: &Scenario<'_>, pod: Replacement<'_>, nodes: &[NodeId]) -> usize {
    let apart = RULES.iter().filter_map(|rule| rule.conflict?(scenario, pod, pod)).max();
    let key = match &apart {
        Some(Reach::Everywhere) => return usize::from(!nodes.is_empty()),
        Some(Reach::Domain(key)) => Some(key),
        Some(Reach::Node) | None => None,
    };
    // Anti-affinity does not apply to a node without the label: it is no domain.
    let one_only = |value: Option<&str>| apart == Some(Reach::Node) || value.is_some();
    let mut domains: BTreeMap<(Option<&str>, NodeId), usize> = BTreeMap::new();
    for node in nodes {
        let value = key.and_then(|key| scenario.node(*node).labels.get(key)).map(String::as_str);
        let domain = (value, if value.is_some() { NodeId(0) } else { *node });
        let here = domains.entry(domain).or_default();
        *here = here.saturating_add(of_node(scenario, pod, *node));
        if one_only(value) {
            *here = (*here).min(1);
        }
    }
    domains.into_values().fold(0, usize::saturating_add)
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
