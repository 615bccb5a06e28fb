//! Can the other pods that have to be placed take every place of a pod?
//!
//! The scheduler places them in an order and on nodes that depend on scores, queues and retries, so the other pods are taken to be placed
//! where they are most in the way. Each of them is on one node only, so they can keep a pod away from all nodes of a group only if there are
//! enough of them: the number that it takes to fill each node, added up, must not be more than there are. Where it is more, at least one node
//! of the group is left, whatever the scheduler does.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::NodeId;
use super::rule::{COUNTED, Reach};
use super::rules::RULES;
use super::scenario::{Replacement, Scenario};
use crate::pod::resources::{Amounts, add};

/// What one pod needs of everything that is counted.
pub fn needs(scenario: &Scenario<'_>, pod: Replacement<'_>) -> Amounts {
    let mut needs = pod.requirements.requests.clone();
    for counted in RULES.iter().filter_map(|rule| rule.counted.as_ref()) {
        add(&mut needs, &(counted.needs)(scenario, pod));
    }
    needs.retain(|_, amount| *amount > 0);
    needs
}

/// What a node has left of `resource`, while the pods that are terminating there are still there. `None`: not limited there.
fn free(scenario: &Scenario<'_>, node: NodeId, counted: &Amounts, resource: &str) -> Option<i128> {
    if let Some(left) = counted.get(resource) {
        return Some(*left);
    }
    let is_counted_elsewhere = resource.starts_with(COUNTED);
    if is_counted_elsewhere {
        return None;
    }
    let amount = |of: &Amounts| of.get(resource).copied().unwrap_or_default();
    Some(amount(&scenario.node(node).allocatable).saturating_sub(amount(scenario.taken(node))))
}

/// Another pod that may be placed.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    pub pod: Replacement<'a>,
    /// It may be placed on a node that this pod could use. From elsewhere it can only keep it away from a topology domain, or altogether.
    pub is_nearby: bool,
}

/// The other pods, as far as they can be in the way of one pod.
pub struct Competition<'a> {
    scenario: &'a Scenario<'a>,
    /// What the pod itself needs.
    needs: Amounts,
    /// How many others there are.
    others: usize,
    /// Of each resource that the pod needs, what the others need, largest first, added up: how much the first `n` need at most.
    sums: BTreeMap<String, Vec<i128>>,
    /// What all others together need of each resource, and of the largest share of one resource each: see [`Competition::weights`].
    each: Vec<Amounts>,
    /// How many of the others keep the pod away from where they are placed, and from how far around.
    in_conflict: usize,
    topology_keys: BTreeSet<String>,
    is_excluded_everywhere: bool,
}

impl<'a> Competition<'a> {
    pub fn new(
        scenario: &'a Scenario<'a>,
        pod: Replacement<'a>,
        others: impl Iterator<Item = Other<'a>>,
    ) -> Self {
        let needed = needs(scenario, pod);
        let (mut each, mut in_conflict) = (Vec::new(), 0);
        let (mut topology_keys, mut is_excluded_everywhere) = (BTreeSet::new(), false);
        for Other { pod: other, is_nearby } in others {
            let conflicts = RULES.iter().filter_map(|rule| rule.conflicts);
            let mut conflicts: Vec<_> = conflicts.flat_map(|of| of(scenario, pod, other)).collect();
            if !is_nearby {
                conflicts.retain(|it| it.reach != Reach::Node);
                if conflicts.is_empty() {
                    continue;
                }
            }
            let mut theirs = needs(scenario, other);
            theirs.retain(|resource, _| needed.contains_key(resource));
            each.push(theirs);
            in_conflict += usize::from(!conflicts.is_empty());
            for conflict in conflicts {
                match conflict.reach {
                    Reach::Node => {}
                    Reach::Domain(key) => drop(topology_keys.insert(key)),
                    Reach::Everywhere => is_excluded_everywhere = true,
                }
            }
        }
        let sums = needed.keys().map(|resource| {
            let mut amounts: Vec<i128> =
                each.iter().map(|it| it.get(resource).copied().unwrap_or_default()).collect();
            amounts.sort_unstable_by(|a, b| b.cmp(a));
            let mut sum = 0_i128;
            for amount in &mut amounts {
                sum = sum.saturating_add(*amount);
                *amount = sum;
            }
            (resource.clone(), amounts)
        });
        Competition {
            scenario,
            others: each.len(),
            sums: sums.collect(),
            needs: needed,
            each,
            in_conflict,
            topology_keys,
            is_excluded_everywhere,
        }
    }

    /// Is there a place on one of these nodes whatever the others do?
    pub fn leaves_one_of(&self, nodes: &[NodeId]) -> bool {
        if nodes.is_empty() || self.is_excluded_everywhere {
            return false;
        }
        let groups = self.groups(nodes);
        let counts: Vec<f64> = groups
            .iter()
            .map(|group| group.iter().map(|node| self.pods_to_fill(*node)).fold(0.0, |a, b| a + b))
            .collect();
        if self.outnumbered(counts, |blocking| (self.others - blocking) as f64) {
            return true;
        }
        let (weights, total) = self.weights(nodes);
        let shares: Vec<f64> = groups
            .iter()
            .map(|group| group.iter().map(|node| self.share_to_fill(*node, &weights)).fold(0.0, |a, b| a + b))
            .collect();
        self.outnumbered(shares, |_| total)
    }

    /// `costs`: what it takes to fill all nodes of each group. Pods in conflict take a whole group each: the most expensive ones.
    fn outnumbered(&self, mut costs: Vec<f64>, available: impl Fn(usize) -> f64) -> bool {
        costs.sort_unstable_by(|a, b| b.total_cmp(a));
        let most = self.in_conflict.min(costs.len());
        (0..=most).all(|blocked| {
            let rest: f64 = costs[blocked..].iter().sum();
            // A margin for rounding: unsure is not certain.
            rest > available(blocked) * (1.0 + 1e-9)
        })
    }

    /// Nodes that one pod can close to this one: those of one domain, where a conflict reaches that far, and of all domains that share a
    /// node, where one pod closes domains of more than one kind.
    fn groups(&self, nodes: &[NodeId]) -> Vec<Vec<NodeId>> {
        // Each index leads to another one of its group, and at last to one that leads to itself.
        let mut leads_to: Vec<usize> = (0..nodes.len()).collect();
        fn last(leads_to: &mut [usize], mut index: usize) -> usize {
            while leads_to[index] != index {
                leads_to[index] = leads_to[leads_to[index]];
                index = leads_to[index];
            }
            index
        }
        for key in &self.topology_keys {
            let mut first: BTreeMap<&str, usize> = BTreeMap::new();
            for (index, node) in nodes.iter().enumerate() {
                let Some(value) = self.scenario.node(*node).labels.get(key) else { continue };
                let to = last(&mut leads_to, *first.entry(value).or_insert(index));
                let from = last(&mut leads_to, index);
                leads_to[from] = to;
            }
        }
        let mut groups: BTreeMap<usize, Vec<NodeId>> = BTreeMap::new();
        for (index, node) in nodes.iter().enumerate() {
            groups.entry(last(&mut leads_to, index)).or_default().push(*node);
        }
        groups.into_values().collect()
    }

    fn counted(&self, node: NodeId) -> Amounts {
        let mut all = Amounts::new();
        if !self.needs.keys().any(|resource| resource.starts_with(COUNTED)) {
            return all;
        }
        for counted in RULES.iter().filter_map(|rule| rule.counted.as_ref()) {
            all.extend((counted.free)(self.scenario, node));
        }
        all
    }

    /// What the others may take of each resource before this pod has no place on the node; `None`: it has none now.
    fn slack(&self, node: NodeId) -> Option<BTreeMap<&str, i128>> {
        let counted = self.counted(node);
        let mut slack = BTreeMap::new();
        for (resource, needed) in &self.needs {
            let Some(free) = free(self.scenario, node, &counted, resource) else { continue };
            if free < *needed {
                return None;
            }
            slack.insert(resource.as_str(), free - *needed);
        }
        Some(slack)
    }

    /// How many of the others it takes at least.
    fn pods_to_fill(&self, node: NodeId) -> f64 {
        let Some(slack) = self.slack(node) else { return 0.0 };
        let counts = slack.iter().filter_map(|(resource, slack)| {
            let sums = &self.sums[*resource];
            let fitting = sums.partition_point(|sum| sum <= slack);
            (fitting < sums.len()).then_some(fitting as f64 + 1.0)
        });
        counts.fold(f64::INFINITY, f64::min)
    }

    /// Each resource's total among the others, where they can fill a node with it, and the sum of each pod's largest share of these totals.
    fn weights(&self, nodes: &[NodeId]) -> (BTreeMap<&str, f64>, f64) {
        let mut totals: BTreeMap<&str, f64> = BTreeMap::new();
        for node in nodes {
            for (resource, slack) in self.slack(*node).into_iter().flatten() {
                let total = self.sums[resource].last().copied().unwrap_or_default();
                if total > slack {
                    totals.insert(resource, total as f64);
                }
            }
        }
        let share = |needs: &Amounts| {
            let shares = totals
                .iter()
                .map(|(resource, total)| needs.get(*resource).copied().unwrap_or_default() as f64 / total);
            shares.fold(0.0, f64::max)
        };
        let total = self.each.iter().map(share).sum();
        (totals, total)
    }

    fn share_to_fill(&self, node: NodeId, totals: &BTreeMap<&str, f64>) -> f64 {
        let Some(slack) = self.slack(node) else { return 0.0 };
        let shares = slack.iter().filter_map(|(resource, slack)| {
            let total = totals.get(resource)?;
            // More than the slack: the smallest amount above it is left out, for the safe side.
            (self.sums[*resource].last()? > slack).then(|| *slack as f64 / total)
        });
        shares.fold(f64::INFINITY, f64::min)
    }
}
