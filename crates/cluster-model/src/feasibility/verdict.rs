//! Whether each pod that has to be placed again finds a place.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::capacity::capacity;
use super::cluster::{NodeId, PodId};
use super::competition::{Competition, Other};
use super::judgement::{Judgement, Shortage, Verdict, Why};
use super::miss::Miss;
use super::pools::Pools;
use super::preemption::{beware_of_preemption, can_preempt};
use super::requirements::Requirements;
use super::rule::{Answer, Certainty, Filter};
use super::rules::{RULES, filters};
use super::scenario::Scenario;

/// One judgement for each pod to be placed, in that order.
pub fn judge(scenario: &Scenario<'_>) -> Vec<Judgement> {
    let keys = label_keys(scenario);
    let mut classes: HashMap<Class<'_>, usize> = HashMap::new();
    let mut judged: Vec<Judgement> = Vec::new();
    let of: Vec<usize> = scenario
        .to_place()
        .iter()
        .map(|&pod| {
            *classes.entry(class(scenario, &keys, pod)).or_insert_with(|| {
                judged.push(best_case(scenario, pod));
                judged.len() - 1
            })
        })
        .collect();
    let mut pools = Pools::new(scenario);
    // One that cannot be placed, by preemption either, is in nobody's way.
    let placed =
        scenario.to_place().iter().zip(&of).filter(|(_, index)| judged[**index].verdict != Verdict::Cannot);
    let placed: Vec<(PodId, usize)> =
        placed.map(|(pod, _)| (*pod, pools.of(scenario.replacement(*pod)))).collect();
    for judgement in &mut judged {
        worst_case(scenario, judgement, &pools, &placed);
    }
    beware_of_preemption(scenario, &mut pools, &mut judged);
    for (index, judgement) in judged.iter_mut().enumerate() {
        let alike = of.iter().filter(|other| **other == index).count();
        judgement.shortage = shortage(scenario, judgement, alike);
    }
    let each = scenario.to_place().iter().zip(of);
    each.map(|(&pod, index)| Judgement { pod, ..judged[index].clone() }).collect()
}

/// Pods that no rule tells apart: of their labels only those that some selector in the cluster reads, or every pod of a StatefulSet would be
/// different. Requirements and names of namespaces are shared objects.
#[derive(PartialEq, Eq, Hash)]
struct Class<'a> {
    requirements: *const Requirements,
    namespace: &'a str,
    labels: Vec<Option<&'a str>>,
    /// It waits for a node already: its ephemeral claims are there.
    is_waiting: bool,
}

fn class<'a>(scenario: &Scenario<'a>, keys: &BTreeSet<&str>, pod: PodId) -> Class<'a> {
    let replacement = scenario.replacement(pod);
    Class {
        requirements: std::ptr::from_ref(replacement.requirements),
        namespace: replacement.namespace,
        labels: keys.iter().map(|key| replacement.labels.get(*key).map(String::as_str)).collect(),
        is_waiting: scenario.pod(pod).node.is_none(),
    }
}

/// The labels of pods that any selector reads.
fn label_keys<'a>(scenario: &Scenario<'a>) -> BTreeSet<&'a str> {
    let mut seen: HashSet<*const Requirements> = HashSet::new();
    let requirements = scenario.cluster.pod_ids().map(|id| &scenario.pod(id).requirements);
    let distinct = requirements.filter(|it| seen.insert(Arc::as_ptr(it)));
    distinct.flat_map(|it| it.label_keys()).collect()
}

fn best_case(scenario: &Scenario<'_>, pod: PodId) -> Judgement {
    let replacement = scenario.replacement(pod);
    let filters = filters(scenario, replacement);
    let (mut nodes, mut misses, mut unknown) = (Vec::new(), Misses::default(), Vec::new());
    let for_all = scenario.nodes().next().and_then(|node| before_any_node(&filters, node));
    for node in scenario.nodes() {
        let mut doubts = Vec::new();
        let answers = filters.iter().map(|filter| filter(node));
        let mut answers = for_all.clone().map(Answer::Fails).into_iter().chain(answers);
        let miss = answers.find_map(|answer| match answer {
            Answer::Passes => None,
            Answer::Fails(miss) => Some(miss),
            Answer::Unknown(why) => {
                doubts.push(why);
                None
            }
        });
        match miss {
            Some(miss) => misses.add(miss),
            None => {
                nodes.push(node);
                unknown.extend(doubts);
            }
        }
    }
    unknown.extend(replacement.requirements.not_covered.iter().cloned());
    unknown.sort();
    unknown.dedup();
    let verdict = if !unknown.is_empty() {
        Verdict::Unknown(unknown)
    } else if nodes.is_empty() {
        if can_preempt(scenario, replacement) { Verdict::Tight(Why::Preemption) } else { Verdict::Cannot }
    } else {
        // Until the worst case shows otherwise.
        Verdict::Tight(Why::Competition)
    };
    let one_rule_away = if nodes.is_empty() { one_rule_away(scenario, &filters) } else { Vec::new() };
    Judgement { pod, verdict, nodes: nodes.into(), misses: misses.sorted(), one_rule_away, shortage: None }
}

fn one_rule_away(scenario: &Scenario<'_>, filters: &[Filter<'_>]) -> Vec<(usize, Miss)> {
    let mut alone = Misses::default();
    for node in scenario.nodes() {
        let mut failing = filters.iter().filter_map(|filter| match filter(node) {
            Answer::Fails(miss) => Some(miss),
            Answer::Passes | Answer::Unknown(_) => None,
        });
        if let (Some(miss), None) = (failing.next(), failing.next()) {
            alone.add(miss);
        }
    }
    alone.sorted()
}

/// What the scheduler finds before it looks at any node (PreFilter): no other reason is given then.
fn before_any_node(filters: &[Filter<'_>], node: NodeId) -> Option<Miss> {
    filters.iter().find_map(|filter| match filter(node) {
        Answer::Fails(miss @ Miss::ClaimMissing(_)) => Some(miss),
        _ => None,
    })
}

/// `placed`: the pods that may be placed, each with its pool.
fn worst_case(
    scenario: &Scenario<'_>,
    judgement: &mut Judgement,
    pools: &Pools<'_>,
    placed: &[(PodId, usize)],
) {
    if judgement.verdict != Verdict::Tight(Why::Competition) {
        return;
    }
    let pod = scenario.replacement(judgement.pod);
    let mut groups = vec![judgement.nodes.to_vec()];
    for certainty in RULES.iter().filter_map(|rule| rule.certainty) {
        // Every rule narrows every group; more than one that divides them is not decided here.
        let mut narrowed = Vec::new();
        for group in &groups {
            match certainty(scenario, pod, group) {
                Certainty::OneOf(nodes) => narrowed.push(nodes),
                Certainty::EachOf(parts) if groups.len() == 1 => narrowed.extend(parts),
                Certainty::EachOf(_) | Certainty::Depends => {
                    judgement.verdict = Verdict::Tight(Why::Placement);
                    return;
                }
            }
        }
        groups = narrowed;
    }
    let nearby: Vec<bool> = pools.all().map(|pool| pools.has_one_of(pool, &judgement.nodes)).collect();
    let others = placed.iter().filter(|(other, _)| *other != judgement.pod);
    let others =
        others.map(|(other, pool)| Other { pod: scenario.replacement(*other), is_nearby: nearby[*pool] });
    let competition = Competition::new(scenario, pod, others);
    if !groups.is_empty() && groups.iter().all(|group| competition.leaves_one_of(group)) {
        judgement.verdict = Verdict::Fits;
    }
}

fn shortage(scenario: &Scenario<'_>, judgement: &Judgement, alike: usize) -> Option<Shortage> {
    let pod = scenario.replacement(judgement.pod);
    let is_open = matches!(judgement.verdict, Verdict::Tight(Why::Competition | Why::Placement));
    let can_make_room = || {
        let lower = |id: &PodId| scenario.pod(*id).requirements.priority < pod.requirements.priority;
        pod.requirements.may_preempt
            && judgement.nodes.iter().any(|node| scenario.staying(*node).iter().any(lower))
    };
    if !is_open || can_make_room() {
        return None;
    }
    let placed = capacity(scenario, pod, &judgement.nodes);
    (placed < alike).then_some(Shortage { placed, of: alike })
}

#[derive(Default)]
struct Misses(Vec<(usize, Miss)>);

impl Misses {
    fn add(&mut self, miss: Miss) {
        match self.0.iter_mut().find(|(_, known)| known.same_kind(&miss)) {
            Some((count, known)) => {
                *count += 1;
                if miss < *known {
                    *known = miss;
                }
            }
            None => self.0.push((1, miss)),
        }
    }

    fn sorted(mut self) -> Vec<(usize, Miss)> {
        let key = |(count, miss): &(usize, Miss)| (miss.distance(), Reverse(*count), miss.clone());
        self.0.sort_by_cached_key(key);
        self.0
    }
}

#[cfg(test)]
mod brute_force;
#[cfg(test)]
mod tests;
