//! One spread constraint with the domains that the scheduler counts for it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::TopologySpreadConstraint;
use kube_core::{Expression, Selector};

use crate::feasibility::cluster::{NodeId, PodId};
use crate::feasibility::node::Labels;
use crate::feasibility::rules::static_filters::StaticFilters;
use crate::feasibility::scenario::{Replacement, Scenario};
use crate::feasibility::topology::Topology;
use crate::selector::{parse, selects};

pub struct Constraint<'a> {
    pub key: &'a str,
    max_skew: i64,
    min_domains: i64,
    /// `None` matches no pod.
    selector: Option<Selector>,
    /// 1 if the pod itself matches.
    own: i64,
    topology: Cow<'a, Topology>,
    /// By node: whether the scheduler counts its pods.
    is_counted: Vec<bool>,
    /// By the value of the key: the matching pods that stay. `None`: no node of this domain is counted.
    staying: Vec<Option<i64>>,
}

impl<'a> Constraint<'a> {
    pub fn all(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Vec<Self> {
        let specs = &pod.requirements.spread;
        if specs.is_empty() {
            return Vec::new();
        }
        let (affinity, taints) =
            (StaticFilters::node_affinity(scenario, pod), StaticFilters::taints(scenario, pod));
        let topologies: Vec<_> = specs.iter().map(|spec| scenario.topology(&spec.topology_key)).collect();
        let has_all_keys = |node: NodeId| topologies.iter().all(|topology| topology.value(node).is_some());
        let new = |(spec, topology): (&'a TopologySpreadConstraint, &Cow<'a, Topology>)| {
            let honors_affinity = spec.node_affinity_policy.as_deref() != Some("Ignore");
            let honors_taints = spec.node_taints_policy.as_deref() == Some("Honor");
            let is_counted = |node: NodeId| {
                has_all_keys(node)
                    && (!honors_affinity || affinity.pass(node))
                    && (!honors_taints || taints.pass(node))
            };
            let selector = selector(spec, pod.labels);
            let own = i64::from(selects(selector.as_ref(), Some(pod.labels)));
            let mut constraint = Constraint {
                key: &spec.topology_key,
                max_skew: spec.max_skew.into(),
                min_domains: spec.min_domains.unwrap_or(1).into(),
                selector,
                own,
                topology: topology.clone(),
                is_counted: scenario.nodes().map(is_counted).collect(),
                staying: vec![None; topology.values()],
            };
            constraint.count_staying(scenario, pod);
            constraint
        };
        specs.iter().zip(&topologies).map(new).collect()
    }

    fn count_staying(&mut self, scenario: &Scenario<'_>, pod: Replacement<'_>) {
        for node in scenario.nodes() {
            if let Some(domain) = self.counted_domain(node) {
                self.staying[domain] = Some(0);
            }
        }
        for (other, nodes) in scenario.staying_in(pod.namespace) {
            if self.counts(pod, other) {
                for node in nodes {
                    if let Some(domain) = self.counted_domain(node) {
                        add(&mut self.staying, domain, 1);
                    }
                }
            }
        }
    }

    /// The domain of a node, whether it is counted there or not. `None`: the node has no such label.
    pub fn domain(&self, node: NodeId) -> Option<usize> {
        self.topology.value(node)
    }

    fn counted_domain(&self, node: NodeId) -> Option<usize> {
        self.domain(node).filter(|_| self.is_counted[node.0 as usize])
    }

    /// The matching pods of a domain that stay: for the scheduler a domain that it does not count has none.
    pub fn staying(&self, domain: usize) -> i64 {
        self.staying[domain].unwrap_or_default()
    }

    /// The domains that are counted, with their matching pods that stay.
    pub fn domains(&self) -> impl Iterator<Item = (usize, i64)> {
        self.staying.iter().enumerate().filter_map(|(domain, staying)| Some((domain, (*staying)?)))
    }

    /// `countPodsMatchSelector`: an empty selector counts no pod, though it matches the pod itself.
    fn counts(&self, pod: Replacement<'_>, other: Replacement<'_>) -> bool {
        other.namespace == pod.namespace
            && self.selector.as_ref().is_some_and(|selector| !selector.selects_all())
            && selects(self.selector.as_ref(), Some(other.labels))
    }

    /// May the pod be placed where `matching` pods are, if the domain with the fewest has `minimum`?
    pub fn allows(&self, matching: i64, minimum: i64) -> bool {
        matching + self.own - minimum <= self.max_skew
    }

    /// With too few domains for `minDomains`, and without any, the scheduler takes 0 for the smallest count.
    pub fn minimum_is_zero(&self) -> bool {
        let domains = self.domains().count();
        domains == 0 || i64::try_from(domains).unwrap_or(i64::MAX) < self.min_domains
    }

    pub fn lowest_minimum(&self) -> i64 {
        let smallest = self.domains().map(|(_, staying)| staying).min();
        smallest.filter(|_| !self.minimum_is_zero()).unwrap_or_default()
    }

    /// The most matching pods that each domain can have when all other pods are placed; `None`: it is not counted.
    pub fn most_when_all_are_placed(
        &self,
        scenario: &'a Scenario<'a>,
        pod: Replacement<'a>,
    ) -> Vec<Option<i64>> {
        let mut most = self.staying.clone();
        for (group, others) in self.groups(scenario, pod) {
            let number = i64::try_from(others.len()).unwrap_or(i64::MAX) - i64::from(is_alike(group, pod));
            for domain in self.reachable(scenario, group) {
                add(&mut most, domain, number);
            }
        }
        most
    }

    /// The largest that the smallest count can be at any time: the other pods to be placed stand wherever they can, and those that
    /// are not evicted yet are still counted where they are.
    ///
    /// It is the same for all pods that are alike, so the old place of `pod.of` is not used: the one of them counts for which it is largest.
    pub fn highest_minimum(&self, scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> i64 {
        if self.minimum_is_zero() {
            return 0;
        }
        let mut most = self.most_when_all_are_placed(scenario, pod);
        let mut own_places: BTreeSet<Option<usize>> = BTreeSet::new();
        let mut replaced: BTreeSet<PodId> = BTreeSet::new();
        for (group, others) in self.groups(scenario, pod) {
            let reachable = self.reachable(scenario, group);
            for other in others {
                replaced.insert(other);
                let old = scenario.pod(other).node.and_then(|node| self.counted_domain(node));
                let old = old.filter(|domain| !reachable.contains(domain));
                if let Some(domain) = old {
                    add(&mut most, domain, 1);
                }
                if is_alike(group, pod) {
                    own_places.insert(old);
                }
            }
        }
        for other in scenario.evicted().iter().filter(|id| !replaced.contains(id)) {
            let domain = scenario.pod(*other).node.and_then(|node| self.counted_domain(node));
            if let Some(domain) = domain.filter(|_| self.counts(pod, scenario.existing(*other))) {
                add(&mut most, domain, 1);
            }
        }
        let smallest = most.iter().flatten().min().copied().unwrap_or_default();
        // The replacement exists only after the old pod was evicted: it does not count in its own old place.
        let without = |old: Option<usize>| match old.and_then(|domain| most[domain]) {
            Some(count) => smallest.min(count - 1),
            None => smallest,
        };
        own_places.into_iter().map(without).max().unwrap_or(smallest)
    }

    /// The matching pods to be placed, this one included, in groups that are alike.
    fn groups(&self, scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Vec<(Replacement<'a>, Vec<PodId>)> {
        let mut groups: BTreeMap<(usize, usize), (Replacement<'a>, Vec<PodId>)> = BTreeMap::new();
        let in_namespace = scenario.to_place().iter().map(|id| (*id, scenario.replacement(*id)));
        for (id, other) in in_namespace.filter(|(_, other)| other.namespace == pod.namespace) {
            let key =
                (std::ptr::from_ref(other.requirements).addr(), std::ptr::from_ref(other.labels).addr());
            if let Some((_, ids)) = groups.get_mut(&key) {
                ids.push(id);
            } else if self.counts(pod, other) {
                groups.insert(key, (other, vec![id]));
            }
        }
        groups.into_values().collect()
    }

    /// The domains with a node on which the pod could be as far as the node alone is concerned.
    fn reachable(&self, scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> BTreeSet<usize> {
        let filters = StaticFilters::all(scenario, pod);
        let nodes = scenario.nodes().filter_map(|node| Some((node, self.counted_domain(node)?)));
        nodes.filter(|(node, _)| filters.pass(*node)).map(|(_, domain)| domain).collect()
    }
}

/// To a domain that is counted.
fn add(counts: &mut [Option<i64>], domain: usize, number: i64) {
    if let Some(count) = &mut counts[domain] {
        *count += number;
    }
}

fn is_alike(a: Replacement<'_>, b: Replacement<'_>) -> bool {
    std::ptr::eq(a.requirements, b.requirements)
        && std::ptr::eq(a.labels, b.labels)
        && a.namespace == b.namespace
}

/// The scheduler adds the pod's own values of `matchLabelKeys` to the selector; an absent selector stays absent.
fn selector(spec: &TopologySpreadConstraint, labels: &Labels) -> Option<Selector> {
    let mut selector = parse(spec.label_selector.clone())?;
    let keys = spec.match_label_keys.iter().flatten();
    let values = keys.filter_map(|key| Some(Expression::Equal(key.clone(), labels.get(key)?.clone())));
    selector.extend(values);
    Some(selector)
}
