//! InterPodAffinity (`plugins/interpodaffinity/filtering.go`): the required terms of pod affinity and anti-affinity, and the anti-affinity
//! of the pods that are there already.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::feasibility::cluster::{NodeId, PodId};
use crate::feasibility::miss::Miss;
use crate::feasibility::rule::{Answer, Certainty, Conflict, Filter, Reach, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};

mod providers;
mod term;
use providers::Affinity;
use term::{Match, matches};

pub const RULE: Rule =
    Rule { conflicts: Some(conflicts), certainty: Some(certainty), ..rule("InterPodAffinity", filter) };

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    let affinity = Affinity::new(scenario, pod);
    let keeps_away = own_anti_affinity(scenario, pod);
    let forbidden = anti_affinity_of_staying(scenario, pod);
    if affinity.is_none() && keeps_away.is_empty() && forbidden.is_empty() {
        return None;
    }
    Some(Box::new(move |node| {
        let answers = [
            affinity.as_ref().map_or(Answer::Passes, |affinity| affinity.answer(node)),
            keeps_away.answer(scenario, node, |key, _| Miss::PodAntiAffinity(key.to_owned())),
            forbidden.answer(scenario, node, |key, id| {
                let pod = scenario.pod(id);
                Miss::ForbiddenByPod { pod: format!("{}/{}", pod.namespace, pod.name), key: key.to_owned() }
            }),
        ];
        let order = |answer: &Answer| match answer {
            Answer::Fails(_) => 0,
            Answer::Unknown(_) => 1,
            Answer::Passes => 2,
        };
        answers.into_iter().min_by_key(order).unwrap_or(Answer::Passes)
    }))
}

/// Domains that staying pods close, by topology key and value, with one of these pods.
#[derive(Default)]
struct Closed<'a> {
    by_key: BTreeMap<&'a str, HashMap<&'a str, PodId>>,
    /// Whether these are closed depends on labels of namespaces.
    unknown: BTreeSet<(&'a str, &'a str)>,
    why: &'a str,
}

impl<'a> Closed<'a> {
    fn is_empty(&self) -> bool {
        self.by_key.is_empty() && self.unknown.is_empty()
    }

    fn add(&mut self, scenario: &'a Scenario<'a>, node: NodeId, key: &'a str, by: PodId, matched: Match<'a>) {
        let Some(value) = scenario.node(node).labels.get(key) else { return };
        match matched {
            Match::Yes => {
                self.by_key.entry(key).or_default().entry(value).or_insert(by);
            }
            Match::Unknown(why) => {
                self.unknown.insert((key, value));
                self.why = why;
            }
            Match::No => {}
        }
    }

    fn answer(&self, scenario: &Scenario<'_>, node: NodeId, miss: impl Fn(&str, PodId) -> Miss) -> Answer {
        let labels = &scenario.node(node).labels;
        let by = |key: &&str, closed: &HashMap<&str, PodId>| closed.get(labels.get(*key)?.as_str()).copied();
        if let Some((key, by)) = self.by_key.iter().find_map(|(key, closed)| Some((key, by(key, closed)?))) {
            return Answer::Fails(miss(key, by));
        }
        let is_here = |(key, value): &(&str, &str)| labels.get(*key).is_some_and(|it| it == value);
        if self.unknown.iter().any(is_here) { term::unknown(self.why) } else { Answer::Passes }
    }
}

fn own_anti_affinity<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Closed<'a> {
    let mut closed = Closed::default();
    if pod.requirements.anti_affinity.is_empty() {
        return closed;
    }
    for (other, nodes) in scenario.meant_by(&pod.requirements.anti_affinity, pod.namespace) {
        let terms = pod.requirements.anti_affinity.iter();
        let terms = terms.map(|term| (term, matches(scenario, pod.namespace, term, other)));
        let terms: Vec<_> = terms.filter(|(_, matched)| *matched != Match::No).collect();
        if terms.is_empty() {
            continue;
        }
        for node in nodes {
            for (term, matched) in &terms {
                closed.add(scenario, node, &term.topology_key, other.of, *matched);
            }
        }
    }
    closed
}

fn anti_affinity_of_staying<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Closed<'a> {
    let mut closed = Closed::default();
    for (node, id) in scenario.keeping_away_from(pod.namespace) {
        let other = scenario.pod(id);
        for term in &other.requirements.anti_affinity {
            let matched = matches(scenario, &other.namespace, term, pod);
            closed.add(scenario, node, &term.topology_key, id, matched);
        }
    }
    closed
}

fn conflicts(scenario: &Scenario<'_>, this: Replacement<'_>, other: Replacement<'_>) -> Vec<Conflict> {
    let mut by_key: BTreeMap<&str, bool> = BTreeMap::new();
    for (owner, target) in [(this, other), (other, this)] {
        for term in &owner.requirements.anti_affinity {
            let matched = matches(scenario, owner.namespace, term, target);
            if matched != Match::No {
                *by_key.entry(&term.topology_key).or_default() |= matched == Match::Yes;
            }
        }
    }
    let conflict =
        |(key, is_certain): (&str, bool)| Conflict { reach: Reach::Domain(key.to_owned()), is_certain };
    by_key.into_iter().map(conflict).collect()
}

fn certainty(scenario: &Scenario<'_>, pod: Replacement<'_>, passing: &[NodeId]) -> Certainty {
    let Some(affinity) = Affinity::of_staying(scenario, pod) else {
        return Certainty::OneOf(passing.to_vec());
    };
    if affinity.is_first_of_its_group(scenario) {
        return Certainty::OneOf(passing.to_vec());
    }
    let nodes: Vec<NodeId> = passing.iter().copied().filter(|node| affinity.is_met(*node)).collect();
    if nodes.is_empty() { Certainty::Depends } else { Certainty::OneOf(nodes) }
}

#[cfg(test)]
mod tests;
