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

/// For rounding: unsure is not certain.
const MARGIN: f64 = 1.0 + 1e-9;

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
    let all = amount(&scenario.node(node).allocatable, resource);
    Some(all.saturating_sub(amount(scenario.taken(node), resource)))
}

fn amount(of: &Amounts, resource: &str) -> i128 {
    of.get(resource).copied().unwrap_or_default()
}

/// Other pods that may be placed, which no rule tells apart.
#[derive(Clone, Copy, Debug)]
pub struct Others<'a> {
    pub pod: Replacement<'a>,
    /// What each of them needs.
    pub needs: &'a Amounts,
    pub count: usize,
    /// They may be placed on a node that this pod could use. From elsewhere they can only keep it away from a topology domain, or altogether.
    pub are_nearby: bool,
}

/// The other pods, as far as they can be in the way of one pod.
pub struct Competition<'a> {
    scenario: &'a Scenario<'a>,
    /// What the pod itself needs.
    needs: Amounts,
    /// How many others there are.
    others: usize,
    /// Of each resource that the pod needs, what the others need, largest first.
    most: BTreeMap<String, Largest>,
    /// What the others need each, and how many of them do.
    each: Vec<(&'a Amounts, usize)>,
    /// How many of the others keep the pod away from where they are placed, and from how far around.
    in_conflict: usize,
    topology_keys: BTreeSet<String>,
    is_excluded_everywhere: bool,
}

impl<'a> Competition<'a> {
    pub fn new(
        scenario: &'a Scenario<'a>,
        pod: Replacement<'a>,
        others: impl Iterator<Item = Others<'a>>,
    ) -> Self {
        let needed = needs(scenario, pod);
        let (mut each, mut in_conflict) = (Vec::new(), 0);
        let (mut topology_keys, mut is_excluded_everywhere) = (BTreeSet::new(), false);
        for Others { pod: other, needs, count, are_nearby } in others.filter(|it| it.count > 0) {
            let conflicts = RULES.iter().filter_map(|rule| rule.conflicts);
            let mut conflicts: Vec<_> = conflicts.flat_map(|of| of(scenario, pod, other)).collect();
            if !are_nearby {
                conflicts.retain(|it| it.reach != Reach::Node);
                if conflicts.is_empty() {
                    continue;
                }
            }
            each.push((needs, count));
            in_conflict += if conflicts.is_empty() { 0 } else { count };
            for conflict in conflicts {
                match conflict.reach {
                    Reach::Node => {}
                    Reach::Domain(key) => drop(topology_keys.insert(key)),
                    Reach::Everywhere => is_excluded_everywhere = true,
                }
            }
        }
        let most = needed.keys().map(|resource| {
            let amounts = each.iter().map(|(needs, count)| (amount(needs, resource), *count));
            (resource.clone(), Largest::of(amounts.collect()))
        });
        Competition {
            scenario,
            others: each.iter().map(|(_, count)| count).sum(),
            most: most.collect(),
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
        if self.topology_keys.is_empty() && self.in_conflict == 0 && self.is_too_much_to_fill(nodes) {
            return true;
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

    /// Do the first of these nodes take more pods than there are? Most often the very first does.
    fn is_too_much_to_fill(&self, nodes: &[NodeId]) -> bool {
        let mut sum = 0.0;
        nodes.iter().any(|node| {
            sum += self.pods_to_fill(*node);
            sum > self.others as f64 * MARGIN
        })
    }

    /// `costs`: what it takes to fill all nodes of each group. Pods in conflict take a whole group each: the most expensive ones.
    fn outnumbered(&self, mut costs: Vec<f64>, available: impl Fn(usize) -> f64) -> bool {
        costs.sort_unstable_by(|a, b| b.total_cmp(a));
        let most = self.in_conflict.min(costs.len());
        (0..=most).all(|blocked| {
            let rest: f64 = costs[blocked..].iter().sum();
            rest > available(blocked) * MARGIN
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
            let fitting = self.most[*resource].fitting(*slack);
            (fitting < self.others).then_some(fitting as f64 + 1.0)
        });
        counts.fold(f64::INFINITY, f64::min)
    }

    /// Each resource's total among the others, where they can fill a node with it, and the sum of each pod's largest share of these totals.
    fn weights(&self, nodes: &[NodeId]) -> (BTreeMap<&str, f64>, f64) {
        let mut totals: BTreeMap<&str, f64> = BTreeMap::new();
        for node in nodes {
            for (resource, slack) in self.slack(*node).into_iter().flatten() {
                let total = self.most[resource].total;
                if total > slack {
                    totals.insert(resource, total as f64);
                }
            }
        }
        let share = |(needs, count): &(&Amounts, usize)| {
            let shares = totals.iter().map(|(resource, total)| amount(needs, resource) as f64 / total);
            shares.fold(0.0, f64::max) * *count as f64
        };
        let total = self.each.iter().map(share).sum();
        (totals, total)
    }

    fn share_to_fill(&self, node: NodeId, totals: &BTreeMap<&str, f64>) -> f64 {
        let Some(slack) = self.slack(node) else { return 0.0 };
        let shares = slack.iter().filter_map(|(resource, slack)| {
            let total = totals.get(resource)?;
            // More than the slack: the smallest amount above it is left out, for the safe side.
            (self.most[*resource].total > *slack).then(|| *slack as f64 / total)
        });
        shares.fold(f64::INFINITY, f64::min)
    }
}

/// What each of some pods needs of one resource, largest first: amounts, and how many need that much.
struct Largest {
    runs: Vec<(i128, usize)>,
    total: i128,
}

impl Largest {
    fn of(mut runs: Vec<(i128, usize)>) -> Self {
        runs.sort_unstable_by(|a, b| b.cmp(a));
        let total =
            runs.iter().fold(0_i128, |sum, (amount, count)| sum.saturating_add(times(*amount, *count)));
        Largest { runs, total }
    }

    /// How many of the largest take no more than `slack` together.
    fn fitting(&self, slack: i128) -> usize {
        let (mut fitting, mut left) = (0, slack);
        for (amount, count) in &self.runs {
            let all = times(*amount, *count);
            if all > left {
                return fitting + usize::try_from(left / amount).unwrap_or(usize::MAX);
            }
            fitting += count;
            left -= all;
        }
        fitting
    }
}

fn times(amount: i128, count: usize) -> i128 {
    amount.saturating_mul(i128::try_from(count).unwrap_or(i128::MAX))
}
