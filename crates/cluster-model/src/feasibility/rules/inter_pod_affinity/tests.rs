use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

use crate::Known;
use crate::build::{PodBuild, node, pod};
use crate::feasibility::testing::{answers, cluster, verdicts_of};
use crate::feasibility::{Verdict, Why};

fn labelled(name: &str, labels: Value) -> Node {
    node(name, json!({"metadata": {"labels": labels}, "status": {"allocatable": {"cpu": "9", "pods": "9"}}}))
}

/// `app in (…)` within a topology key.
fn term(apps: &[&str], key: &str) -> Value {
    let selector = json!({"matchExpressions": [{"key": "app", "operator": "In", "values": apps}]});
    json!({"labelSelector": selector, "topologyKey": key})
}

fn exists(label: &str, key: &str) -> Value {
    json!({"labelSelector": {"matchExpressions": [{"key": label, "operator": "Exists"}]}, "topologyKey": key})
}

fn with(pod: Pod, kind: &str, terms: Vec<Value>) -> Pod {
    let terms = json!({"requiredDuringSchedulingIgnoredDuringExecution": terms});
    pod.edit(json!({"spec": {"affinity": {kind: terms}}}))
}

fn together(pod: Pod, terms: Vec<Value>) -> Pod {
    with(pod, "podAffinity", terms)
}

fn apart(pod: Pod, terms: Vec<Value>) -> Pod {
    with(pod, "podAntiAffinity", terms)
}

fn app(key: &str, on: &str, app: &str) -> Pod {
    pod(key, on).label("app", app)
}

/// a and b in zone 1, c in zone 2, all in one region. The pod `a/p` was on a drained node that is in no domain.
fn answer(pods: Vec<Pod>) -> Vec<String> {
    let of = |name: &str, zone: &str| labelled(name, json!({"host": name, "zone": zone, "region": "r"}));
    let nodes = vec![node("drained", json!({})), of("a", "1"), of("b", "1"), of("c", "2")];
    let mut all = answers("InterPodAffinity", &cluster(nodes, pods), "a/p");
    if all.is_empty() {
        return PASSES.map(str::to_owned).to_vec();
    }
    all.remove(0);
    all.iter().map(|it| it.split(" within ").next().unwrap().to_owned()).collect()
}

const PASSES: [&str; 3] = ["passes"; 3];
const TOGETHER: &str = "pod affinity";
const APART: &str = "pod anti-affinity";
const FORBIDDEN: &str = "anti-affinity of a/there";

/// The cases of `filtering_test.go` (TestRequiredAffinitySingleNode, TestRequiredAffinityMultipleNodes).
#[test]
fn affinity() {
    let p = || app("a/p", "drained", "web");
    let db = || app("a/there", "a", "db");
    let near = |terms| together(p(), terms);
    let zone = |apps| vec![term(apps, "zone")];
    assert_eq!(answer(vec![near(zone(&["db"])), db()]), ["passes", "passes", TOGETHER]);
    assert_eq!(answer(vec![near(vec![term(&["db"], "host")]), db()]), ["passes", TOGETHER, TOGETHER]);
    assert_eq!(answer(vec![near(vec![term(&["db"], "region")]), db()]), PASSES);
    assert_eq!(answer(vec![near(zone(&["other"])), db()]), [TOGETHER; 3]);
    assert_eq!(answer(vec![near(zone(&["db"])), app("b/there", "a", "db")]), [TOGETHER; 3]);
    assert_eq!(answer(vec![near(vec![term(&["db"], "rack")]), db()]), ["no label rack"; 3]);
    let leaving = db().deleted("2026-01-01T00:00:00Z");
    assert_eq!(
        answer(vec![near(zone(&["db"])), leaving]),
        ["passes", "passes", TOGETHER],
        "it is still there"
    );
    let two = || vec![exists("foo", "region"), exists("bar", "zone")];
    let one_has_both = db().label("foo", "").label("bar", "");
    assert_eq!(answer(vec![near(two()), one_has_both]), ["passes", "passes", TOGETHER]);
    let divided = vec![near(two()), db().label("foo", ""), app("a/other", "a", "db").label("bar", "")];
    assert_eq!(answer(divided), [TOGETHER; 3], "one pod has to match all terms");
}

#[test]
fn the_first_of_a_group_matches_itself() {
    let p = |key| together(app("a/p", "drained", "web"), vec![term(&["web"], key)]);
    assert_eq!(answer(vec![p("zone")]), PASSES);
    assert_eq!(answer(vec![p("rack")]), ["no label rack"; 3]);
    let there = || app("a/there", "a", "web");
    assert_eq!(answer(vec![p("zone"), there()]), ["passes", "passes", TOGETHER]);
    assert_eq!(answer(vec![p("zone"), there().deleted("2026-01-01T00:00:00Z")]), PASSES);
    let with_more = together(
        app("a/p", "drained", "web").label("foo", ""),
        vec![term(&["web"], "zone"), exists("foo", "zone")],
    );
    assert_eq!(answer(vec![with_more, there()]), PASSES, "the other pod does not match all terms");
    let of_the_group =
        vec![p("zone"), there(), together(app("a/q", "drained", "web"), vec![term(&["web"], "zone")])];
    assert_eq!(
        answer(of_the_group),
        ["passes", "passes", TOGETHER],
        "one of the group cannot start a second place"
    );
}

#[test]
fn another_pod_that_moves_can_provide_the_match() {
    let p = || together(app("a/p", "drained", "web"), vec![term(&["db"], "zone")]);
    let moves = || app("a/db", "drained", "db");
    assert_eq!(answer(vec![p(), moves()]), PASSES);
    let selects_zone = moves().edit(json!({"spec": {"nodeSelector": {"zone": "2"}}}));
    assert_eq!(answer(vec![p(), selects_zone]), [TOGETHER, TOGETHER, "passes"]);
    // It starts the group, as the pod itself cannot.
    let first = together(moves(), vec![term(&["db"], "zone")]);
    assert_eq!(answer(vec![p(), first]), PASSES);
}

#[test]
fn a_pod_that_is_not_evicted_yet_provides_the_match() {
    let of = |name: &str, zone: &str| labelled(name, json!({"zone": zone}));
    let p = together(app("a/p", "drained", "web"), vec![term(&["db"], "zone")]);
    let db = app("a/db", "drained", "db").edit(json!({"spec": {"nodeSelector": {"zone": "3"}}}));
    let nodes = vec![of("drained", "1"), of("a", "1"), of("b", "2")];
    let answers = answers("InterPodAffinity", &cluster(nodes, vec![p, db]), "a/p");
    assert_eq!(answers[1..], ["passes", "pod affinity within zone"]);
}

#[test]
fn anti_affinity_both_ways() {
    let p = || app("a/p", "drained", "web");
    let db = || app("a/there", "a", "db");
    let far = |terms| apart(p(), terms);
    assert_eq!(answer(vec![far(vec![term(&["db"], "zone")]), db()]), [APART, APART, "passes"]);
    assert_eq!(answer(vec![far(vec![term(&["db"], "host")]), db()]), [APART, "passes", "passes"]);
    assert_eq!(answer(vec![far(vec![term(&["other"], "zone")]), db()]), PASSES);
    assert_eq!(answer(vec![far(vec![term(&["db"], "rack")]), db()]), PASSES);
    assert_eq!(
        answer(vec![far(vec![term(&["other"], "zone"), term(&["db"], "host")]), db()]),
        [APART, "passes", "passes"]
    );
    let leaving = db().deleted("2026-01-01T00:00:00Z");
    assert_eq!(answer(vec![far(vec![term(&["db"], "zone")]), leaving]), PASSES);
    // The pod that is there forbids it.
    let forbids = |terms| apart(db(), terms);
    assert_eq!(answer(vec![p(), forbids(vec![term(&["web"], "zone")])]), [FORBIDDEN, FORBIDDEN, "passes"]);
    assert_eq!(answer(vec![p(), forbids(vec![term(&["other"], "zone")])]), PASSES);
    assert_eq!(answer(vec![p(), forbids(vec![term(&["web"], "rack")])]), PASSES);
    let leaving = forbids(vec![term(&["web"], "zone")]).deleted("2026-01-01T00:00:00Z");
    assert_eq!(answer(vec![p(), leaving]), PASSES);
    let elsewhere = apart(app("b/there", "a", "db"), vec![term(&["web"], "zone")]);
    assert_eq!(answer(vec![p(), elsewhere]), PASSES, "a term without namespaces means its own");
    // The scheduler's order: its own terms first.
    let both = vec![far(vec![term(&["db"], "zone")]), forbids(vec![term(&["web"], "host")])];
    assert_eq!(answer(both), [APART, APART, "passes"]);
}

#[test]
fn namespaces_of_a_term() {
    let within = |edit: Value| {
        let mut term = term(&["db"], "zone");
        crate::build::merge(&mut term, edit);
        apart(app("a/p", "drained", "web"), vec![term])
    };
    let team = || json!({"matchLabels": {"team": "one"}});
    let answer = |p: Pod, in_namespace: &str, known: bool| {
        let nodes = vec![node("drained", json!({})), labelled("n", json!({"zone": "1"}))];
        let there = app(&format!("{in_namespace}/there"), "n", "db");
        let mut cluster = cluster(nodes, vec![p, there]);
        for (name, team) in [("a", "one"), ("b", "one"), ("c", "two")] {
            let namespace = json!({"metadata": {"name": name, "labels": {"team": team}}});
            cluster.add_namespace(&serde_json::from_value(namespace).unwrap());
        }
        if !known {
            cluster.namespaces = Known::Unknown("forbidden".to_owned());
        }
        answers("InterPodAffinity", &cluster, "a/p").pop().unwrap_or_default()
    };
    const CLOSED: &str = "pod anti-affinity within zone";
    const UNKNOWN: &str = "unknown: the labels of namespaces: forbidden";
    for (edit, in_namespace, known, expected) in [
        (json!({}), "a", true, CLOSED),
        (json!({}), "b", true, ""),
        (json!({"namespaces": ["b"]}), "b", true, CLOSED),
        (json!({"namespaces": ["b"]}), "a", true, ""),
        (json!({"namespaceSelector": {}}), "c", true, CLOSED),
        (json!({"namespaceSelector": {}}), "c", false, CLOSED),
        (json!({"namespaceSelector": team()}), "b", true, CLOSED),
        (json!({"namespaceSelector": team()}), "c", true, ""),
        (json!({"namespaceSelector": team(), "namespaces": ["c"]}), "c", true, CLOSED),
        (json!({"namespaceSelector": team(), "namespaces": ["c"]}), "c", false, CLOSED),
        (json!({"namespaceSelector": team()}), "c", false, UNKNOWN),
    ] {
        assert_eq!(answer(within(edit.clone()), in_namespace, known), expected, "{edit} {in_namespace}");
    }
    let near = |terms: Value| {
        let mut term = term(&["db"], "zone");
        crate::build::merge(&mut term, terms);
        together(app("a/p", "drained", "web"), vec![term])
    };
    assert_eq!(answer(near(json!({"namespaceSelector": team()})), "b", true), "passes");
    assert_eq!(answer(near(json!({"namespaceSelector": team()})), "c", true), "pod affinity within zone");
    assert_eq!(answer(near(json!({"namespaceSelector": team()})), "c", false), UNKNOWN);
}

/// `n` pods that keep apart from each other on node n0, and `free` other nodes.
fn apart_from_each_other(n: usize, free: usize) -> Vec<Verdict> {
    let nodes = (0..=free).map(|i| labelled(&format!("n{i}"), json!({"host": format!("n{i}")})));
    let pods = (0..n).map(|i| apart(app(&format!("a/p{i}"), "n0", "web"), vec![term(&["web"], "host")]));
    verdicts_of(nodes.collect(), pods.collect())
}

#[test]
fn pods_that_keep_apart_need_a_node_each() {
    assert_eq!(apart_from_each_other(2, 2), [Verdict::Fits, Verdict::Fits]);
    let tight = Verdict::Tight(Why::Competition);
    assert_eq!(apart_from_each_other(2, 1), [tight.clone(), tight]);
    // One on each node; the first is drained.
    let one_each = |nodes: usize, pods: usize| {
        let nodes = (0..nodes).map(|i| labelled(&format!("n{i}"), json!({"host": format!("n{i}")})));
        let of =
            |i: usize| apart(app(&format!("a/p{i}"), &format!("n{i}"), "web"), vec![term(&["web"], "host")]);
        verdicts_of(nodes.collect(), (0..pods).map(of).collect())
    };
    assert_eq!(one_each(3, 3), [Verdict::Cannot]);
    assert_eq!(one_each(4, 3), [Verdict::Fits]);
}

#[test]
fn a_pod_that_moves_keeps_others_away_from_its_domain() {
    let nodes = |zones: &[&str]| {
        let mut nodes = vec![labelled("n0", json!({}))];
        nodes.extend(
            zones.iter().enumerate().map(|(i, zone)| labelled(&format!("n{}", i + 1), json!({"zone": zone}))),
        );
        nodes
    };
    let pods =
        || vec![apart(app("a/db", "n0", "db"), vec![term(&["web"], "zone")]), app("a/web", "n0", "web")];
    let tight = Verdict::Tight(Why::Competition);
    assert_eq!(verdicts_of(nodes(&["1", "1"]), pods()), [tight.clone(), tight], "one zone");
    assert_eq!(verdicts_of(nodes(&["1", "2"]), pods()), [Verdict::Fits, Verdict::Fits], "two zones");
}

#[test]
fn affinity_to_a_pod_that_stays_is_certain() {
    let nodes = || ["n0", "n1", "n2"].map(|name| labelled(name, json!({"host": name}))).to_vec();
    let p = |apps: &[&str]| together(app("a/p", "n0", "web"), vec![term(apps, "host")]);
    assert_eq!(verdicts_of(nodes(), vec![p(&["db"]), app("a/db", "n1", "db")]), [Verdict::Fits]);
    let leaving = app("a/db", "n1", "db").deleted("2026-01-01T00:00:00Z");
    let placement = Verdict::Tight(Why::Placement);
    assert_eq!(verdicts_of(nodes(), vec![p(&["db"]), leaving]), std::slice::from_ref(&placement));
    let moves = vec![p(&["db"]), app("a/db", "n0", "db")];
    assert_eq!(verdicts_of(nodes(), moves), [placement.clone(), Verdict::Fits]);
    assert_eq!(verdicts_of(nodes(), vec![p(&["db"])]), [Verdict::Cannot]);
    assert_eq!(verdicts_of(nodes(), vec![p(&["web"])]), [Verdict::Fits], "the only one of its group");
    let group = vec![p(&["web"]), together(app("a/q", "n0", "web"), vec![term(&["web"], "host")])];
    assert_eq!(verdicts_of(nodes(), group), [placement.clone(), placement]);
}
