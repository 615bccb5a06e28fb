//! How many pods the nodes can take together, at most: no other pod takes room, and what is terminating is gone, so more than this never fit.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{NodeId, PodId};
use super::judgement::{Judgement, Limit, Shortfall, Verdict};
use super::rule::Reach;
use super::rules::RULES;
use super::scenario::{Replacement, Scenario};
use crate::pod::resources::{Amounts, add};

/// Of one kind of pod; `nodes`: those that take one of them.
pub fn capacity(scenario: &Scenario<'_>, pod: Replacement<'_>, nodes: &[NodeId]) -> (usize, Limit) {
    let room: Vec<(NodeId, usize, &str)> = nodes
        .iter()
        .map(|node| {
            let (count, resource) = of_node(scenario, pod, *node);
            (*node, count, resource)
        })
        .collect();
    let conflicts = RULES.iter().filter_map(|rule| rule.conflicts).flat_map(|of| of(scenario, pod, pod));
    // Each of them is a limit of its own: what keeps two pods apart in a zone says nothing about two in one rack.
    let limits = conflicts.filter(|it| it.is_certain).map(|it| {
        let count = limited(scenario, &room, &it.reach);
        (count, Limit::Apart(it.reach))
    });
    let all = room.iter().fold(0, |sum: usize, (_, count, _)| sum.saturating_add(*count));
    let scarce = room.iter().min_by_key(|(_, count, _)| *count).map_or("", |(_, _, resource)| *resource);
    let by_room = (all, Limit::Room(scarce.to_owned()));
    limits.fold(by_room, |least, limit| if limit.0 < least.0 { limit } else { least })
}

/// With no two of them within `reach` of each other.
fn limited(scenario: &Scenario<'_>, room: &[(NodeId, usize, &str)], reach: &Reach) -> usize {
    let mut sum = 0_usize;
    let mut domains: BTreeMap<&str, usize> = BTreeMap::new();
    for (node, count, _) in room {
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

/// And the resource that is used up first.
fn of_node<'a>(scenario: &Scenario<'_>, pod: Replacement<'a>, node: NodeId) -> (usize, &'a str) {
    let requested = pod.requirements.requests.iter().filter(|(_, amount)| **amount > 0);
    let counts = requested.map(|(resource, amount)| {
        let count = free_for_good(scenario, node, resource) / amount;
        (usize::try_from(count).unwrap_or(usize::MAX), resource.as_str())
    });
    counts.min().unwrap_or((usize::MAX, ""))
}

fn free_for_good(scenario: &Scenario<'_>, node: NodeId, resource: &str) -> i128 {
    let all = scenario.node(node).allocatable.get(resource).copied().unwrap_or_default();
    let taken = scenario.taken_for_good(node).get(resource).copied().unwrap_or_default();
    all.saturating_sub(taken).max(0)
}

/// Pods of several kinds that together request more than all nodes that any of them may use have left.
pub fn shortfalls(scenario: &Scenario<'_>, judged: &[Judgement]) -> Vec<Shortfall> {
    let may_be_placed =
        |it: &&Judgement| matches!(it.verdict, Verdict::Fits | Verdict::Tight(_)) && !it.nodes.is_empty();
    let open: Vec<&Judgement> = judged.iter().filter(may_be_placed).collect();
    // Pods of one kind share their list of nodes.
    let lists: BTreeMap<*const NodeId, &[NodeId]> =
        open.iter().map(|it| (it.nodes.as_ptr(), &*it.nodes)).collect();
    let tight = open.iter().filter(|it| it.verdict != Verdict::Fits).map(|it| it.nodes.as_ptr());
    let tight: BTreeSet<*const NodeId> = tight.collect();
    let mut found = Vec::new();
    for nodes in tight.iter().map(|list| lists[list]).collect::<BTreeSet<&[NodeId]>>() {
        let is_inside = |list: &[NodeId]| list.iter().all(|node| nodes.binary_search(node).is_ok());
        let inside: BTreeSet<*const NodeId> =
            lists.iter().filter(|(_, list)| is_inside(list)).map(|(key, _)| *key).collect();
        let group: Vec<&Judgement> =
            open.iter().filter(|it| inside.contains(&it.nodes.as_ptr())).copied().collect();
        // Of a single kind it is reported already.
        if group.iter().any(|it| it.shortage.is_some()) || may_make_room(scenario, &group, nodes) {
            continue;
        }
        let mut requested = Amounts::new();
        group.iter().for_each(|it| add(&mut requested, &scenario.pod(it.pod).requirements.requests));
        let scarce = requested.into_iter().find_map(|(resource, requested)| {
            let free = nodes.iter().map(|node| free_for_good(scenario, *node, &resource)).sum();
            (requested > free).then_some((resource, requested, free))
        });
        if let Some((resource, requested, free)) = scarce {
            let pods: Vec<PodId> = group.iter().map(|it| it.pod).collect();
            found.push(Shortfall { pods, nodes: nodes.to_vec(), resource, requested, free });
        }
    }
    found
}

/// By preemption of pods that stay.
fn may_make_room(scenario: &Scenario<'_>, group: &[&Judgement], nodes: &[NodeId]) -> bool {
    let preempting = group.iter().map(|it| &scenario.pod(it.pod).requirements).filter(|it| it.may_preempt);
    let Some(highest) = preempting.map(|it| it.priority).max() else { return false };
    let staying = nodes.iter().flat_map(|node| scenario.staying(*node));
    staying.into_iter().any(|id| scenario.pod(*id).requirements.priority < highest)
}
