use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

use crate::build::{PodBuild, node, pod};
use crate::feasibility::testing::{answers, cluster, verdicts_of};
use crate::feasibility::{NodeId, PodId, Scenario, Verdict, Why, judge};

/// `zone/name`, and labels after it.
fn labelled(place: &str, labels: Value) -> Node {
    let (zone, name) = place.split_once('/').unwrap();
    let place = match zone {
        "" => json!({"node": name}),
        zone => json!({"node": name, "zone": zone}),
    };
    let room = json!({"status": {"allocatable": {"cpu": "9", "pods": "9"}}});
    node(name, room.clone())
        .merged(json!({"metadata": {"labels": place}}))
        .merged(json!({"metadata": {"labels": labels}}))
}

trait Merged {
    fn merged(self, edit: Value) -> Self;
}

impl Merged for Node {
    fn merged(self, edit: Value) -> Self {
        let mut value = serde_json::to_value(self).unwrap();
        crate::build::merge(&mut value, edit);
        serde_json::from_value(value).unwrap()
    }
}

fn constraint(key: &str, max_skew: i64, edit: Value) -> Value {
    let mut constraint = json!({"topologyKey": key, "maxSkew": max_skew, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"foo": ""}}});
    crate::build::merge(&mut constraint, edit);
    constraint
}

fn spread(key: &str, on: &str, constraints: Value) -> Pod {
    pod(key, on).label("foo", "").edit(json!({"spec": {"topologySpreadConstraints": constraints}}))
}

fn matching(on: &str, n: usize) -> Vec<Pod> {
    (0..n).map(|i| pod(&format!("a/{on}-{i}"), on).label("foo", "")).collect()
}

/// `counts`: by node, in the order a, b (zone 1), x, y (zone 2). The pod was on a drained node that is in no domain.
fn fitting(pod: Pod, counts: [usize; 4]) -> String {
    let nodes = ["1/a", "1/b", "2/x", "2/y"].map(|place| labelled(place, json!({})));
    let there = ["a", "b", "x", "y"].into_iter().zip(counts).flat_map(|(on, n)| matching(on, n));
    fitting_of(pod, nodes.to_vec(), there.collect())
}

/// The names of the nodes that pass; `!` after one without the label.
fn fitting_of(pod: Pod, nodes: Vec<Node>, there: Vec<Pod>) -> String {
    let names: Vec<String> = nodes.iter().map(|node| node.metadata.name.clone().unwrap()).collect();
    let nodes = [vec![node("drained", json!({}))], nodes].concat();
    let answers = answers("PodTopologySpread", &cluster(nodes, [vec![pod], there].concat()), "a/p");
    let shown = names.into_iter().zip(answers.into_iter().skip(1)).filter_map(|(name, answer)| match answer
        .as_str()
    {
        "passes" => Some(name),
        answer if answer.starts_with("no label") => Some(format!("{name}!")),
        _ => None,
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The cases of `filtering_test.go` (TestSingleConstraint, TestMultipleConstraints).
#[test]
fn counts_by_domain() {
    let bar = || json!({"labelSelector": {"matchLabels": {"bar": ""}}});
    let (zone, host) = (|edit| constraint("zone", 1, edit), |edit| constraint("node", 1, edit));
    let cases = [
        ("no pods", vec![zone(json!({}))], [0, 0, 0, 0], "a b x y"),
        ("even", vec![zone(json!({}))], [2, 1, 0, 3], "a b x y"),
        ("uneven", vec![zone(json!({}))], [1, 1, 0, 1], "x y"),
        ("nodes", vec![host(json!({}))], [2, 1, 0, 3], "x"),
        ("nodes, maxSkew 2", vec![constraint("node", 2, json!({}))], [2, 1, 0, 3], "b x"),
        ("not matching itself", vec![zone(bar())], [2, 2, 0, 1], "a b x y"),
        ("null selector", vec![zone(json!({"labelSelector": null}))], [2, 2, 0, 1], "a b x y"),
        (
            "empty selector",
            vec![zone(json!({"labelSelector": {"matchLabels": null}}))],
            [2, 2, 0, 1],
            "a b x y",
        ),
        ("ScheduleAnyway", vec![zone(json!({"whenUnsatisfiable": "ScheduleAnyway"}))], [2, 2, 0, 1], ""),
        ("no such label", vec![constraint("rack", 1, json!({}))], [0, 0, 0, 0], "a! b! x! y!"),
        ("enough domains", vec![constraint("zone", 2, json!({"minDomains": 2}))], [1, 1, 0, 1], "a b x y"),
        ("too few domains", vec![constraint("zone", 2, json!({"minDomains": 3}))], [1, 1, 0, 1], "x y"),
        ("two constraints", vec![zone(json!({})), host(json!({}))], [2, 1, 0, 3], "x"),
        ("two constraints, none", vec![zone(json!({})), host(json!({}))], [2, 1, 0, 4], ""),
    ];
    for (name, constraints, counts, expected) in cases {
        assert_eq!(fitting(spread("a/p", "drained", json!(constraints)), counts), expected, "{name}");
    }
}

#[test]
fn what_is_counted() {
    let nodes = || ["1/a", "2/x"].map(|place| labelled(place, json!({}))).to_vec();
    let p = |edit| spread("a/p", "drained", json!([constraint("zone", 1, edit)]));
    let on_a = || pod("a/there", "a").label("foo", "");
    for (name, there, expected) in [
        ("counts", on_a(), "x"),
        ("another namespace", pod("b/there", "a").label("foo", ""), "a x"),
        ("terminating", on_a().deleted("2026-01-01T00:00:00Z"), "a x"),
        ("other labels", pod("a/there", "a").label("bar", ""), "a x"),
    ] {
        assert_eq!(fitting_of(p(json!({})), nodes(), vec![there]), expected, "{name}");
    }
    let keys = |edit| p(edit).label("hash", "1");
    for (name, edit, hash, expected) in [
        ("matchLabelKeys of the same", json!({"matchLabelKeys": ["hash"]}), "1", "x"),
        ("matchLabelKeys of another", json!({"matchLabelKeys": ["hash"]}), "2", "a x"),
        ("a key that the pod has not", json!({"matchLabelKeys": ["other"]}), "2", "x"),
        ("null selector", json!({"matchLabelKeys": ["hash"], "labelSelector": null}), "1", "a x"),
        (
            "empty selector",
            json!({"matchLabelKeys": ["hash"], "labelSelector": {"matchLabels": null}}),
            "1",
            "x",
        ),
    ] {
        assert_eq!(fitting_of(keys(edit), nodes(), vec![on_a().label("hash", hash)]), expected, "{name}");
    }
    let both = |there: Vec<Pod>| {
        let two = json!([constraint("zone", 1, json!({})), constraint("node", 1, json!({}))]);
        let mut nodes = ["1/a", "1/b", "2/x", "2/y"].map(|place| labelled(place, json!({}))).to_vec();
        nodes[2].metadata.labels.as_mut().unwrap().remove("node");
        fitting_of(spread("a/p", "drained", two), nodes, there)
    };
    assert_eq!(both([matching("a", 1), matching("y", 1)].concat()), "b x!");
    let x_is_not_counted = [matching("a", 1), matching("x", 1)].concat();
    assert_eq!(both(x_is_not_counted), "x! y", "x lacks the label of the other constraint");
}

#[test]
fn policies_decide_which_nodes_are_counted() {
    let selected = |edit: Value| {
        let constraints = json!([constraint("node", 1, edit)]);
        spread("a/p", "drained", constraints).edit(json!({"spec": {"nodeSelector": {"ssd": "yes"}}}))
    };
    let nodes = |last: Value| {
        let mut nodes = ["1/a", "1/b", "2/x"].map(|place| labelled(place, json!({"ssd": "yes"}))).to_vec();
        nodes.push(labelled("2/y", json!({"ssd": "no"})).merged(last));
        nodes
    };
    let there = || [matching("a", 2), matching("b", 1), matching("x", 1)].concat();
    let all = |edit: Value, last: Value| fitting_of(selected(edit), nodes(last), there());
    // y is not counted, so that b and x have the fewest; counted, it has none.
    assert_eq!(all(json!({}), json!({})), "b x y");
    assert_eq!(all(json!({"nodeAffinityPolicy": "Ignore"}), json!({})), "y");
    let tainted = json!({"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}});
    let ignoring = |taints: &str| json!({"nodeAffinityPolicy": "Ignore", "nodeTaintsPolicy": taints});
    assert_eq!(all(ignoring("Ignore"), tainted.clone()), "y");
    assert_eq!(all(ignoring("Honor"), tainted.clone()), "b x y");
    assert_eq!(all(ignoring("Honor"), json!({"spec": {"unschedulable": true}})), "b x y");
    let tolerant = selected(ignoring("Honor")).toleration(json!({"key": "gpu", "operator": "Exists"}));
    assert_eq!(fitting_of(tolerant, nodes(tainted), there()), "y");
}

/// Three nodes with one pod each; the first is drained.
fn one_per_node(edit: Value) -> Vec<Verdict> {
    let nodes = ["1/n0", "2/n1", "3/n2"].map(|place| labelled(place, json!({})));
    let constraints = json!([constraint("node", 1, edit)]);
    let pods = ["n0", "n1", "n2"].map(|on| spread(&format!("a/on-{on}"), on, constraints.clone()));
    verdicts_of(nodes.to_vec(), pods.to_vec())
}

#[test]
fn a_drained_node_is_a_domain_without_pods() {
    assert_eq!(one_per_node(json!({})), [Verdict::Cannot]);
    assert_eq!(one_per_node(json!({"nodeTaintsPolicy": "Honor"})), [Verdict::Fits]);
    assert_eq!(one_per_node(json!({"maxSkew": 2})), [Verdict::Fits]);
    assert_eq!(one_per_node(json!({"nodeTaintsPolicy": "Honor", "minDomains": 3})), [Verdict::Cannot]);
}

#[test]
fn pods_of_one_set_on_two_drained_nodes_do_not_help_each_other() {
    let nodes = ["1/n0", "2/n1", "3/n2"].map(|place| labelled(place, json!({})));
    let constraints = json!([constraint("node", 1, json!({}))]);
    let pods = ["n0", "n1", "n2"].map(|on| spread(&format!("a/on-{on}"), on, constraints.clone()));
    let cluster = cluster(nodes.to_vec(), pods.to_vec());
    let judged = judge(&crate::feasibility::testing::drain(&cluster, &[0, 1]));
    assert!(judged.iter().all(|it| it.verdict == Verdict::Cannot), "{judged:?}");
}

#[test]
fn pods_that_are_not_evicted_yet_count_on_the_drained_node() {
    let nodes = ["1/n0", "2/n1", "3/n2"].map(|place| labelled(place, json!({})));
    let constraints = json!([constraint("node", 1, json!({}))]);
    let of = |i: usize, on: &str| spread(&format!("a/{on}-{i}"), on, constraints.clone());
    let pods = vec![of(0, "n0"), of(1, "n0"), of(0, "n1"), of(0, "n2")];
    // While the second is still there, n0 has one pod, as the others.
    let tight = Verdict::Tight(Why::Placement);
    assert_eq!(verdicts_of(nodes.to_vec(), pods), [tight.clone(), tight]);
}

#[test]
fn the_zone_with_the_fewest_pods_has_to_have_room() {
    let zones = |free: &[&str]| {
        let mut nodes = vec![labelled("1/n0", json!({}))];
        nodes.extend(free.iter().map(|place| labelled(place, json!({}))));
        let constraints = json!([constraint("zone", 1, json!({}))]);
        let mut pods: Vec<Pod> =
            (0..2).map(|i| spread(&format!("a/p{i}"), "n0", constraints.clone())).collect();
        pods.push(spread("a/there", "n1", constraints));
        verdicts_of(nodes, pods).remove(0)
    };
    assert_eq!(zones(&["2/n1", "1/n2"]), Verdict::Fits, "each zone has a free node");
    assert_eq!(zones(&["2/n1", "3/n2"]), Verdict::Tight(Why::Placement), "zone 1 may have the fewest");
    assert_eq!(zones(&["2/n1"]), Verdict::Tight(Why::Placement));
    let alone = {
        let nodes = ["1/n0", "2/n1"].map(|place| labelled(place, json!({}))).to_vec();
        let constraints = json!([constraint("zone", 1, json!({}))]);
        verdicts_of(
            nodes,
            vec![spread("a/p", "n0", constraints.clone()), spread("a/there", "n1", constraints)],
        )
    };
    assert_eq!(alone, [Verdict::Cannot]);
}

#[test]
fn a_domain_without_room_can_become_the_one_with_the_fewest_pods() {
    let full = labelled("2/n1", json!({})).merged(json!({"status": {"allocatable": {"pods": "1"}}}));
    let nodes = vec![labelled("1/n0", json!({})), full, labelled("1/n2", json!({}))];
    let constraints = json!([constraint("zone", 1, json!({}))]);
    let of = |n: usize| {
        let mut pods = vec![spread("a/there", "n1", constraints.clone())];
        pods.extend((0..n).map(|i| spread(&format!("a/p{i}"), "n0", constraints.clone())));
        verdicts_of(nodes.clone(), pods).remove(0)
    };
    // Zone 2 has one pod and takes no more: zone 1 takes two.
    assert_eq!(of(1), Verdict::Fits);
    assert_eq!(of(3), Verdict::Tight(Why::Placement));
}

/// How long a third of so many nodes takes, with a pod on each that is spread over all of them. The best of several: a busy machine only adds.
fn time_of(count: u32) -> Duration {
    let constraints = json!([constraint("node", 1, json!({}))]);
    let names: Vec<String> = (0..count).map(|n| format!("n{n}")).collect();
    let nodes = names.iter().map(|name| labelled(&format!("/{name}"), json!({}))).collect();
    let pods = names.iter().map(|name| spread(&format!("a/of-{name}"), name, constraints.clone())).collect();
    let cluster = cluster(nodes, pods);
    let lost: Vec<PodId> = cluster.pod_ids().take(names.len() / 3).collect();
    let drained: BTreeSet<NodeId> = lost.iter().filter_map(|id| cluster.pod(*id).node).collect();
    let scenario = Scenario::new(&cluster, drained, &lost.iter().copied().collect(), &lost);
    let times = (0..5).map(|_| {
        let began = Instant::now();
        assert_eq!(judge(&scenario).len(), lost.len());
        began.elapsed()
    });
    times.min().unwrap()
}

/// Counting all domains for each node, or for each place that a pod had, takes 64 times as long for 8 times the nodes.
#[test]
fn the_time_grows_with_the_cluster_and_not_with_its_square() {
    let (small, large) = (time_of(500), time_of(4000));
    assert!(large < small * 30, "{small:?} for 500 nodes, {large:?} for 4000");
}
