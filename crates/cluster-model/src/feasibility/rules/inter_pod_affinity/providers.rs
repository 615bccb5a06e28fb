//! Where a pod's affinity is met: in which domains pods are, or may be, that match all its terms.

use std::collections::HashSet;

use super::term::{Match, matches_all, unknown};
use crate::feasibility::cluster::{NodeId, PodId};
use crate::feasibility::miss::Miss;
use crate::feasibility::requirements::PodTerm;
use crate::feasibility::rule::Answer;
use crate::feasibility::rules::static_filters::StaticFilters;
use crate::feasibility::scenario::{Replacement, Scenario};

pub struct Affinity<'a> {
    scenario: &'a Scenario<'a>,
    pod: Replacement<'a>,
    terms: &'a [PodTerm],
    /// By term, the values of its topology key where a matching pod is.
    met: Vec<HashSet<&'a str>>,
    /// A pod that stays matches: the pod cannot be the first of its group.
    has_match: bool,
    matches_itself: bool,
    unknown: Option<&'a str>,
}

impl<'a> Affinity<'a> {
    /// With the pods that stay. `None`: the pod has no terms.
    pub fn of_staying(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Self> {
        let terms = pod.requirements.affinity.as_slice();
        if terms.is_empty() {
            return None;
        }
        let met = vec![HashSet::new(); terms.len()];
        let mut affinity =
            Affinity { scenario, pod, terms, met, has_match: false, matches_itself: false, unknown: None };
        affinity.matches_itself = affinity.matches(pod);
        for (other, nodes) in scenario.meant_by(terms, pod.namespace) {
            let mut nodes = nodes.peekable();
            if nodes.peek().is_some() && affinity.matches(other) {
                for node in nodes {
                    affinity.has_match |= affinity.add(node);
                }
            }
        }
        Some(affinity)
    }

    /// With all pods that may be there at some time.
    pub fn new(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Self> {
        let mut affinity = Self::of_staying(scenario, pod)?;
        for id in scenario.evicted().iter().copied().chain(scenario.terminating()) {
            let old = scenario.pod(id).node.filter(|_| affinity.matches(scenario.existing(id)));
            if let Some(node) = old {
                affinity.add(node);
            }
        }
        affinity.add_others_to_place();
        Some(affinity)
    }

    fn add_others_to_place(&mut self) {
        let mut seen: HashSet<(usize, usize, &str)> = HashSet::new();
        for &id in self.scenario.to_place() {
            let other = self.scenario.replacement(id);
            let class = (
                std::ptr::from_ref(other.requirements).addr(),
                std::ptr::from_ref(other.labels).addr(),
                other.namespace,
            );
            // One with the same terms needs a matching pod in the domain itself, unless it can be the first of the group.
            if self.has_match && self.has_same_terms(other) || !seen.insert(class) || !self.matches(other) {
                continue;
            }
            let filters = StaticFilters::all(self.scenario, other);
            for node in self.scenario.nodes().filter(|node| filters.pass(*node)) {
                self.add(node);
            }
        }
    }

    fn has_same_terms(&self, other: Replacement<'_>) -> bool {
        other.namespace == self.pod.namespace && other.requirements.affinity == self.pod.requirements.affinity
    }

    fn matches(&mut self, target: Replacement<'_>) -> bool {
        match matches_all(self.scenario, self.pod.namespace, self.terms, target) {
            Match::Yes => true,
            Match::No => false,
            Match::Unknown(why) => {
                self.unknown = Some(why);
                false
            }
        }
    }

    /// Returns whether the node is in a domain of any term.
    fn add(&mut self, node: NodeId) -> bool {
        let labels = &self.scenario.node(node).labels;
        let mut has_domain = false;
        for (term, met) in self.terms.iter().zip(&mut self.met) {
            if let Some(value) = labels.get(&term.topology_key) {
                met.insert(value);
                has_domain = true;
            }
        }
        has_domain
    }

    /// Is a matching pod in the node's domain of every term?
    pub fn is_met(&self, node: NodeId) -> bool {
        self.unmet(node).is_none()
    }

    fn unmet(&self, node: NodeId) -> Option<&'a PodTerm> {
        let labels = &self.scenario.node(node).labels;
        let is_met = |(term, met): &(&PodTerm, &HashSet<&str>)| {
            labels.get(&term.topology_key).is_some_and(|value| met.contains(value.as_str()))
        };
        self.terms.iter().zip(&self.met).find(|it| !is_met(it)).map(|(term, _)| term)
    }

    pub fn answer(&self, node: NodeId) -> Answer {
        let labels = &self.scenario.node(node).labels;
        if let Some(term) = self.terms.iter().find(|term| !labels.contains_key(&term.topology_key)) {
            return Answer::Fails(Miss::NoTopologyLabel(term.topology_key.clone()));
        }
        let Some(term) = self.unmet(node) else { return Answer::Passes };
        if !self.has_match && self.matches_itself {
            return Answer::Passes;
        }
        match self.unknown {
            Some(why) => unknown(why),
            None => Answer::Fails(Miss::PodAffinity(term.topology_key.clone())),
        }
    }

    /// No other pod will ever match: the pod is placed as the first of its group (`satisfiesSelfAffinityCheck`).
    pub fn is_first_of_its_group(&self, scenario: &Scenario<'_>) -> bool {
        let is_other = |id: &&PodId| **id != self.pod.of;
        let may_match = |id: &PodId| {
            let other = scenario.replacement(*id);
            matches_all(scenario, self.pod.namespace, self.terms, other) != Match::No
        };
        !self.has_match
            && self.unknown.is_none()
            && self.matches_itself
            && !scenario.to_place().iter().filter(is_other).any(may_match)
    }
}
