//! Pods that push pods of lower priority off a node (`pkg/scheduler/framework/preemption`).

use std::collections::BTreeSet;

use super::cluster::{NodeId, PodId};
use super::judgement::{Judgement, Verdict, Why};
use super::pools::{NodeSet, Pools};
use super::rule::Answer;
use super::rules::filters;
use super::scenario::{Replacement, Scenario};

/// Would a node take it if no pod of lower priority was there?
pub fn can_preempt(scenario: &Scenario<'_>, pod: Replacement<'_>) -> bool {
    if !pod.requirements.may_preempt {
        return false;
    }
    let Some(without) = scenario.without_lower_priority(pod.requirements.priority) else { return false };
    let filters = filters(&without, pod);
    without.nodes().any(|node| !filters.iter().any(|filter| matches!(filter(node), Answer::Fails(_))))
}

/// A pod that does not find a place may push one of lower priority off its node, wherever that was placed; that one comes back, and takes
/// the place of another, or pushes it off in turn.
pub fn beware_of_preemption<'a>(scenario: &'a Scenario<'a>, pools: &mut Pools<'a>, judged: &mut [Judgement]) {
    let priority = |judgement: &Judgement| scenario.pod(judgement.pod).requirements.priority;
    // One that no node takes even without the pods of lower priority preempts none.
    let is_unsure = |it: &&Judgement| !matches!(it.verdict, Verdict::Fits | Verdict::Cannot);
    let unsure = judged.iter().filter(is_unsure).filter(|it| scenario.pod(it.pod).requirements.may_preempt);
    let unsure: Vec<&Judgement> = unsure.collect();
    let Some(highest) = unsure.iter().copied().map(priority).max() else { return };
    let mut disturbed = vec![false; scenario.nodes().count()];
    for judgement in unsure {
        let pool = pools.of(scenario.replacement(judgement.pod));
        join(&mut disturbed, pools.nodes(pool));
    }
    spread(scenario, pools, &mut disturbed, highest);
    for judgement in judged.iter_mut().filter(|it| it.verdict == Verdict::Fits) {
        let is_lower = priority(judgement) < highest;
        if is_lower && judgement.nodes.iter().any(|node| disturbed[node.0 as usize]) {
            judgement.verdict = Verdict::Tight(Why::MayBePreempted);
        }
    }
}

fn join(nodes: &mut NodeSet, more: &NodeSet) {
    nodes.iter_mut().zip(more).for_each(|(node, more)| *node |= more);
}

/// Adds the nodes of every pod that can be pushed off one of these nodes, until there are no more.
fn spread<'a>(scenario: &'a Scenario<'a>, pools: &mut Pools<'a>, disturbed: &mut NodeSet, highest: i32) {
    let moving = scenario.to_place().iter().map(|id| (None, *id));
    // One that only this node takes comes back to it.
    let moves = |id: &PodId| !scenario.pod(*id).requirements.is_meant_for_one_node();
    let staying = scenario.staying_for_good().filter(|(_, id)| moves(id)).map(|(node, id)| (Some(node), id));
    let lower = moving.chain(staying).filter(|(_, id)| scenario.pod(*id).requirements.priority < highest);
    // Where it can be pushed off, and where it goes.
    let mut open: BTreeSet<_> = lower.map(|(node, id)| (node, pools.of(scenario.replacement(id)))).collect();
    loop {
        let is_disturbed = |(node, pool): &(Option<NodeId>, usize)| match node {
            Some(node) => disturbed[node.0 as usize],
            None => pools.nodes(*pool).iter().zip(&*disturbed).any(|(one, other)| *one && *other),
        };
        let found: Vec<_> = open.iter().copied().filter(is_disturbed).collect();
        if found.is_empty() {
            return;
        }
        for it in found {
            open.remove(&it);
            join(disturbed, pools.nodes(it.1));
        }
    }
}
