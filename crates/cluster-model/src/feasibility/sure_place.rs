//! Whether a pod finds a place although a few others are to be placed too: by counting nodes. A verdict takes longer, and knows more.

use super::cluster::{NodeId, PodId};
use super::rule::{Answer, Certainty, Reach};
use super::rules::{RULES, filters};
use super::scenario::{Replacement, Scenario};

/// Each of the others takes one node from it at most, so that more open nodes than others are enough. `false` says nothing.
///
/// `likely`: the node that is asked first. Most often its own takes a pod again.
pub fn has_sure_place(scenario: &Scenario<'_>, id: PodId, likely: Option<NodeId>) -> bool {
    let pod = scenario.replacement(id);
    let others = scenario.to_place().iter().filter(|other| **other != id);
    let others: Vec<Replacement<'_>> = others.map(|other| scenario.replacement(*other)).collect();
    let is_in_the_way =
        |other: &Replacement<'_>| may_preempt(*other, pod) || reaches_far(scenario, pod, *other);
    if !pod.requirements.not_covered.is_empty()
        || others.iter().any(is_in_the_way)
        || depends_on_terminating(scenario, pod)
    {
        return false;
    }
    let filters = filters(scenario, pod);
    let is_terminating = |id: &PodId| scenario.pod(*id).is_terminating;
    let is_open = |node: &NodeId| {
        filters.iter().all(|filter| filter(*node) == Answer::Passes)
            && !scenario.staying(*node).iter().any(is_terminating)
    };
    let rest = scenario.nodes().filter(|node| Some(*node) != likely);
    let open: Vec<NodeId> = likely.into_iter().chain(rest).filter(is_open).take(others.len() + 1).collect();
    let is_sure = |certainty: Certainty| matches!(certainty, Certainty::OneOf(nodes) if nodes == open);
    let mut certainties = RULES.iter().filter_map(|rule| rule.certainty);
    open.len() > others.len() && certainties.all(|of| is_sure(of(scenario, pod, &open)))
}

/// Nobody knows when these are gone: the filters take it that they are.
fn depends_on_terminating(scenario: &Scenario<'_>, pod: Replacement<'_>) -> bool {
    let wanted = pod.requirements;
    let reaches_other_nodes = !wanted.affinity.is_empty()
        || !wanted.anti_affinity.is_empty()
        || !wanted.volumes.is_empty()
        || scenario.is_kept_apart(pod.namespace);
    reaches_other_nodes && scenario.terminating().next().is_some()
}

/// Pods that it pushes off come back, and take places as well: more than one. A pod of its priority could push them off in turn, unless it
/// preempts none itself.
fn may_preempt(other: Replacement<'_>, pod: Replacement<'_>) -> bool {
    let (other, pod) = (other.requirements, pod.requirements);
    other.may_preempt && (other.priority > pod.priority || !pod.may_preempt)
}

/// It takes more than the node on which it is placed.
fn reaches_far(scenario: &Scenario<'_>, pod: Replacement<'_>, other: Replacement<'_>) -> bool {
    let conflicts = RULES.iter().filter_map(|rule| rule.conflicts);
    conflicts.flat_map(|of| of(scenario, pod, other)).any(|conflict| conflict.reach != Reach::Node)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;
    use crate::build::{PodBuild, node, pod};
    use crate::feasibility::testing::{cluster, find};

    /// Pod `a/web` on n1 is gone; so many others wait for a node, each as large as one.
    fn is_sure(nodes: &[&str], waiting: usize, spec: Value, of_others: Value) -> bool {
        let room = || json!({"status": {"allocatable": {"cpu": "1", "pods": "9"}}});
        let on = |key: &str, on: &str, spec: &Value| {
            let container = json!({"name": "main", "resources": {"requests": {"cpu": "1"}}});
            pod(key, on).edit(json!({"spec": {"containers": [container]}})).edit(json!({"spec": spec}))
        };
        let nodes = nodes.iter().map(|name| node(name, room())).collect();
        let waiting = (0..waiting).map(|i| on(&format!("a/waits-{i}"), "", &of_others));
        let cluster = cluster(nodes, [on("a/web", "n1", &spec)].into_iter().chain(waiting).collect());
        let web = find(&cluster, "a/web");
        let scenario = Scenario::new(&cluster, BTreeSet::new(), &BTreeSet::from([web]), &[web]);
        has_sure_place(&scenario, web, cluster.pod(web).node)
    }

    #[test]
    fn one_more_open_node_than_other_pods_is_enough() {
        let of = |nodes: &[&str], waiting| is_sure(nodes, waiting, json!({}), json!({}));
        assert!(of(&["n1"], 0), "its own place");
        assert!(!of(&["n1"], 1), "the other one may take it");
        assert!(of(&["n1", "n2"], 1));
        assert!(!of(&["n1", "n2"], 2));
    }

    #[test]
    fn what_is_terminating_may_stay() {
        let room = || json!({"status": {"allocatable": {"cpu": "1", "pods": "1"}}});
        let is_sure = |edit: Value, on: &str| {
            let going = pod("a/going", on).deleted("2026-01-01T00:00:00Z");
            let web = pod("a/web", "n1").edit(edit);
            let other = pod("a/other", "n1");
            let cluster = cluster(vec![node("n1", room()), node("n2", room())], vec![web, other, going]);
            let web = find(&cluster, "a/web");
            let scenario = Scenario::new(&cluster, BTreeSet::new(), &BTreeSet::from([web]), &[web]);
            has_sure_place(&scenario, web, None)
        };
        assert!(!is_sure(json!({}), "n2"), "it takes the only place");
        assert!(is_sure(json!({}), "n1"));
        let apart =
            json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"a": "b"}}});
        let apart = json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}}});
        assert!(!is_sure(apart, "n1"), "it may keep others away");
    }

    #[test]
    fn who_preempts_may_bring_more_pods_than_itself() {
        let of = |spec, of_other| is_sure(&["n1", "n2"], 1, spec, of_other);
        let never = |priority: i32| json!({"priority": priority, "preemptionPolicy": "Never"});
        assert!(of(json!({"priority": 5}), json!({"priority": 5})));
        assert!(!of(json!({"priority": 5}), json!({"priority": 6})));
        assert!(of(json!({"priority": 5}), never(6)));
        assert!(!of(never(5), json!({"priority": 5})));
    }
}
