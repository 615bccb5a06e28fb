//! PodTopologySpread with `DoNotSchedule` (`plugins/podtopologyspread/filtering.go`, `common.go`): on each node, the matching pods of its
//! domain, and this pod if it matches, may be at most `maxSkew` more than the matching pods of the domain that has the fewest.
//!
//! Drained nodes are domains as all others; with `nodeTaintsPolicy: Honor` their cordon's taint leaves them out.

use std::collections::BTreeMap;

use crate::feasibility::cluster::NodeId;
use crate::feasibility::miss::Miss;
use crate::feasibility::rule::{Answer, Certainty, Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};

mod constraint;
use constraint::Constraint;

pub const RULE: Rule = Rule { certainty: Some(certainty), ..rule("PodTopologySpread", filter) };

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    let constraints = Constraint::all(scenario, pod);
    if constraints.is_empty() {
        return None;
    }
    let highest: Vec<i64> = constraints.iter().map(|it| it.highest_minimum(scenario, pod)).collect();
    Some(Box::new(move |node| {
        let mut failing: Vec<&str> = Vec::new();
        for (constraint, minimum) in constraints.iter().zip(&highest) {
            let Some(domain) = constraint.domain(node) else {
                return Answer::Fails(Miss::NoTopologyLabel(constraint.key.to_owned()));
            };
            if !constraint.allows(constraint.staying(domain), *minimum) {
                failing.push(constraint.key);
            }
        }
        // All of them: with only one named, a change of that one would not help.
        if failing.is_empty() { Answer::Passes } else { Answer::Fails(Miss::Spread(failing.join(" and "))) }
    }))
}

fn certainty(scenario: &Scenario<'_>, pod: Replacement<'_>, passing: &[NodeId]) -> Certainty {
    let constraints = Constraint::all(scenario, pod);
    let mut groups: Vec<Vec<NodeId>> = Vec::new();
    for constraint in &constraints {
        let others = constraint.most_when_all_are_placed(scenario, pod);
        let minimum = constraint.lowest_minimum();
        let is_always_allowed = |domain: usize| {
            // A domain that is not counted has no matching pods for the scheduler.
            constraint.allows(others[domain].unwrap_or_default(), minimum)
        };
        let (always, sometimes): (Vec<NodeId>, Vec<NodeId>) =
            passing.iter().partition(|node| constraint.domain(**node).is_some_and(is_always_allowed));
        if sometimes.is_empty() {
            continue;
        }
        if !groups.is_empty() {
            // The domains with the fewest pods of two constraints need not have a node in common.
            return Certainty::Depends;
        }
        if constraint.minimum_is_zero() {
            groups.push(always);
            continue;
        }
        // A domain with the fewest pods takes one more, whatever `maxSkew` is. Which one that is, depends on the other pods.
        let smallest = others.iter().flatten().min().copied().unwrap_or_default();
        let can_be_smallest = constraint.domains().filter(|(_, staying)| *staying <= smallest);
        let mut nodes: BTreeMap<usize, Vec<NodeId>> = BTreeMap::new();
        for node in sometimes {
            if let Some(domain) = constraint.domain(node) {
                nodes.entry(domain).or_default().push(node);
            }
        }
        groups.extend(can_be_smallest.map(|(domain, _)| {
            let in_it = nodes.get(&domain).into_iter().flatten();
            always.iter().chain(in_it).copied().collect()
        }));
    }
    if groups.is_empty() {
        Certainty::OneOf(passing.to_vec())
    } else if groups.iter().any(Vec::is_empty) {
        Certainty::Depends
    } else {
        Certainty::EachOf(groups)
    }
}

#[cfg(test)]
mod tests;
