//! Whether each pod that has to be placed again finds a place.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::capacity::capacity;
use super::cluster::{NodeId, PodId};
use super::competition::{Competition, Others, needs};
use super::judgement::{Judgement, Shortage, Verdict, Why};
use super::miss::Miss;
use super::pools::Pools;
use super::preemption::{beware_of_preemption, can_preempt};
use super::requirements::Requirements;
use super::rule::{Answer, Certainty, Filter};
use super::rules::{RULES, StaticFilters, filters};
use super::scenario::{Replacement, Scenario};
use crate::pod::resources::Amounts;

/// One judgement for each pod to be placed, in that order.
pub fn judge(scenario: &Scenario<'_>) -> Vec<Judgement> {
    let keys = scenario.label_keys();
    let mut by_class: HashMap<Class<'_>, usize> = HashMap::new();
    let mut by_judgement: HashMap<Class<'_>, usize> = HashMap::new();
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    let mut judged: Vec<Judgement> = Vec::new();
    let of: Vec<usize> = scenario
        .to_place()
        .iter()
        .map(|&id| {
            let pod = scenario.replacement(id);
            let class = Class::of(scenario, &keys, pod);
            let kind = *by_class.entry(class).or_insert_with_key(|class| {
                let judgement = *by_judgement.entry(class.judged_as(scenario, pod)).or_insert_with(|| {
                    judged.push(best_case(scenario, id));
                    judged.len() - 1
                });
                kinds.push(Kind { pod, needs: needs(scenario, pod), count: 0, judgement });
                kinds.len() - 1
            });
            kinds[kind].count += 1;
            kinds[kind].judgement
        })
        .collect();
    let mut pools = Pools::new(scenario);
    // One that cannot be placed, by preemption either, is in nobody's way.
    let placed = kinds.iter().filter(|kind| judged[kind.judgement].verdict != Verdict::Cannot);
    let placed: Vec<(&Kind<'_>, usize)> = placed.map(|kind| (kind, pools.of(kind.pod))).collect();
    for judgement in &mut judged {
        worst_case(scenario, judgement, &pools, &placed);
    }
    beware_of_preemption(scenario, &mut pools, &mut judged);
    for (index, judgement) in judged.iter_mut().enumerate() {
        let alike = kinds.iter().filter(|kind| kind.judgement == index).map(|kind| kind.count).sum();
        judgement.shortage = shortage(scenario, judgement, alike);
    }
    let each = scenario.to_place().iter().zip(of);
    each.map(|(&pod, index)| Judgement { pod, ..judged[index].clone() }).collect()
}

/// Pods to be placed that no rule tells apart.
struct Kind<'a> {
    /// The first of them.
    pod: Replacement<'a>,
    needs: Amounts,
    count: usize,
    judgement: usize,
}

/// Whether one pod may find a place, as one of so many that are alike: nothing is said of the worst case, so it is never `Fits`.
pub fn judge_best_case(scenario: &Scenario<'_>, pod: PodId, alike: usize) -> Judgement {
    let mut judgement = best_case(scenario, pod);
    judgement.shortage = shortage(scenario, &judgement, alike);
    judgement
}

/// The nodes that would take the pod if they were large enough and nothing else ran there, and why the others would not, as in
/// [`Judgement::misses`].
pub fn open_nodes(scenario: &Scenario<'_>, pod: PodId) -> (Vec<NodeId>, Vec<(usize, Miss)>) {
    let filters = StaticFilters::all(scenario, scenario.replacement(pod));
    let (mut open, mut misses) = (Vec::new(), Misses::default());
    for node in scenario.nodes() {
        match filters.miss(node) {
            Some(miss) => misses.add(miss),
            None => open.push(node),
        }
    }
    (open, misses.sorted())
}

/// Pods that no rule tells apart: of their labels only those that some selector in the cluster reads, or every pod of a StatefulSet would be
/// different. Requirements and names of namespaces are shared objects.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Class<'a> {
    requirements: *const Requirements,
    namespace: &'a str,
    labels: Vec<Option<&'a str>>,
    /// It waits for a node already: its ephemeral claims are there.
    is_waiting: bool,
    has_gates: bool,
}

impl<'a> Class<'a> {
    fn of(scenario: &Scenario<'a>, keys: &BTreeSet<&str>, pod: Replacement<'a>) -> Self {
        Class {
            requirements: std::ptr::from_ref(pod.requirements),
            namespace: pod.namespace,
            labels: keys.iter().map(|key| pod.labels.get(*key).map(String::as_str)).collect(),
            is_waiting: scenario.is_waiting(pod.of),
            has_gates: scenario.has_gates(pod.of),
        }
    }

    /// Without its namespace and labels, if they do not matter for where it can be placed: neither the pod nor another one has rules about them.
    fn judged_as(&self, scenario: &Scenario<'a>, pod: Replacement<'a>) -> Self {
        let wanted = pod.requirements;
        let has_rules = !wanted.spread.is_empty()
            || !wanted.affinity.is_empty()
            || !wanted.anti_affinity.is_empty()
            || !wanted.volumes.is_empty();
        if has_rules || scenario.is_kept_apart(pod.namespace) {
            return self.clone();
        }
        Class { namespace: "", labels: Vec::new(), ..*self }
    }
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
    unknown.extend(scenario.has_gates(pod).then(|| "its template has scheduling gates".to_owned()));
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

/// `placed`: the pods that may be placed, each kind with its pool.
fn worst_case(
    scenario: &Scenario<'_>,
    judgement: &mut Judgement,
    pools: &Pools<'_>,
    placed: &[(&Kind<'_>, usize)],
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
    let others = placed.iter().map(|(kind, pool)| Others {
        pod: kind.pod,
        needs: &kind.needs,
        count: kind.count - usize::from(kind.pod.of == judgement.pod),
        are_nearby: nearby[*pool],
    });
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
    let (placed, by) = capacity(scenario, pod, &judgement.nodes);
    (placed < alike).then_some(Shortage { placed, of: alike, by })
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
