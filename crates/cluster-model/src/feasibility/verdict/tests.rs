use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::json;

use super::*;
use crate::build::{PodBuild, node, pod};
use crate::feasibility::cluster::PodFacts;
use crate::feasibility::testing::{cluster, drain, verdicts_of};
use crate::feasibility::volumes::Volumes;
use crate::feasibility::{Limit, shortfalls};

fn room(name: &str, cpu: &str, pods: &str) -> Node {
    node(name, json!({"status": {"allocatable": {"cpu": cpu, "pods": pods}}}))
}

fn cpu(key: &str, on: &str, cpu: &str) -> Pod {
    let container = json!({"name": "main", "resources": {"requests": {"cpu": cpu}}});
    pod(key, on).edit(json!({"spec": {"containers": [container]}}))
}

/// `n` equal pods on the node that is drained.
fn equal(n: usize, amount: &str) -> Vec<Pod> {
    (0..n).map(|i| cpu(&format!("a/p{i}"), "n0", amount)).collect()
}

#[test]
fn equal_pods_fit_if_they_cannot_fill_every_node() {
    let of = |pods: usize, cpus: [&str; 2]| {
        let nodes = vec![room("n0", "9", "9"), room("n1", cpus[0], "9"), room("n2", cpus[1], "9")];
        verdicts_of(nodes, equal(pods, "1")).remove(0)
    };
    assert_eq!(of(4, ["2", "2"]), Verdict::Fits);
    assert_eq!(of(5, ["2", "2"]), Verdict::Tight(Why::Competition));
    assert_eq!(of(1, ["500m", "1"]), Verdict::Fits);
    assert_eq!(of(1, ["500m", "999m"]), Verdict::Cannot);
}

#[test]
fn places_are_counted_as_well() {
    let nodes = |pods| vec![room("n0", "9", "9"), room("n1", "9", pods)];
    assert_eq!(verdicts_of(nodes("2"), equal(2, "1")), [Verdict::Fits, Verdict::Fits]);
    assert_eq!(verdicts_of(nodes("0"), equal(1, "0")), [Verdict::Cannot]);
}

#[test]
fn a_large_pod_needs_one_node_that_small_ones_cannot_fill() {
    let nodes = || vec![room("n0", "9", "99"), room("n1", "4", "99"), room("n2", "4", "99")];
    let with = |small| {
        let mut pods = vec![cpu("a/large", "n0", "3")];
        pods.extend(equal(small, "1"));
        verdicts_of(nodes(), pods).remove(0)
    };
    // Two small ones on each node leave no room for 3 of 4 CPUs.
    assert_eq!(with(3), Verdict::Fits);
    assert_eq!(with(4), Verdict::Tight(Why::Competition));
}

#[test]
fn one_large_pod_among_small_ones_does_not_stand_everywhere() {
    let mut pods = vec![cpu("a/large", "n0", "4")];
    pods.extend(equal(5, "100m"));
    let nodes = vec![room("n0", "9", "99"), room("n1", "4", "99"), room("n2", "4", "99")];
    assert!(verdicts_of(nodes, pods)[1..].iter().all(|it| *it == Verdict::Fits));
}

#[test]
fn what_waits_for_a_node_already_competes() {
    let nodes = || vec![room("n0", "9", "9"), room("n1", "1", "9")];
    let waiting = cpu("a/waiting", "", "1").phase("Pending");
    assert_eq!(verdicts_of(nodes(), equal(1, "1")), [Verdict::Fits]);
    let all = verdicts_of(nodes(), [equal(1, "1"), vec![waiting]].concat());
    assert_eq!(all, [Verdict::Tight(Why::Competition), Verdict::Tight(Why::Competition)]);
}

#[test]
fn preemption_makes_room_that_is_not_certain() {
    let nodes = || vec![room("n0", "9", "9"), room("n1", "1", "9")];
    let there = || cpu("a/there", "n1", "1");
    let important = || cpu("a/important", "n0", "1").priority(10);
    assert_eq!(verdicts_of(nodes(), vec![important(), there()]), [Verdict::Tight(Why::Preemption)]);
    let patient = important().edit(json!({"spec": {"preemptionPolicy": "Never"}}));
    assert_eq!(verdicts_of(nodes(), vec![patient, there()]), [Verdict::Cannot]);
    assert_eq!(verdicts_of(nodes(), vec![important(), there().priority(10)]), [Verdict::Cannot]);
    let too_large = cpu("a/important", "n0", "2").priority(10);
    assert_eq!(verdicts_of(nodes(), vec![too_large, there()]), [Verdict::Cannot]);
}

#[test]
fn a_pod_that_preempts_takes_room_from_others_too() {
    let nodes = vec![room("n0", "9", "9"), room("n1", "2", "9")];
    let pods = vec![
        cpu("a/plain", "n0", "1").priority(10),
        cpu("a/large", "n0", "2").priority(10),
        cpu("a/there", "n1", "1"),
    ];
    assert_eq!(verdicts_of(nodes, pods), [Verdict::Tight(Why::Competition), Verdict::Tight(Why::Preemption)]);
}

#[test]
fn a_pod_below_one_that_may_not_fit_can_be_preempted() {
    let nodes = vec![room("n0", "9", "9"), room("n1", "4", "9")];
    let pods = vec![cpu("a/important", "n0", "4").priority(10), cpu("a/plain", "n0", "100m")];
    assert_eq!(
        verdicts_of(nodes, pods),
        [Verdict::Tight(Why::Competition), Verdict::Tight(Why::Competition)]
    );
    let nodes = vec![room("n0", "9", "9"), room("n1", "4", "9"), room("n2", "1", "9")];
    let pods = vec![cpu("a/important", "n0", "4").priority(10), cpu("a/plain", "n0", "100m")];
    assert_eq!(
        verdicts_of(nodes, pods),
        [Verdict::Tight(Why::Competition), Verdict::Tight(Why::MayBePreempted)]
    );
}

/// A pod that is bound has its node's zone among its labels (PodTopologyLabels, on since 1.35); the new one does not.
#[test]
fn the_replacement_does_not_have_the_zone_of_the_old_pod() {
    let zone = "topology.kubernetes.io/zone";
    let apart = json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchExpressions": [{"key": zone, "operator": "Exists"}]}}]}}}});
    let named = |name: &str| {
        let mut node = room(name, "9", "9");
        node.metadata.labels = Some([("kubernetes.io/hostname".to_owned(), name.to_owned())].into());
        node
    };
    let old = cpu("a/p", "n0", "1").label(zone, "z1");
    let there = cpu("a/there", "n1", "1").edit(apart);
    assert_eq!(verdicts_of(vec![named("n0"), named("n1")], vec![old, there]), [Verdict::Fits]);
}

#[test]
fn a_pod_that_no_node_will_ever_take_preempts_none() {
    let nodes = vec![room("n0", "9", "9"), room("n1", "4", "9")];
    let nowhere = cpu("a/waiting", "", "1").phase("Pending").priority(10);
    let nowhere = nowhere.edit(json!({"spec": {"nodeSelector": {"no": "where"}}}));
    assert_eq!(verdicts_of(nodes, vec![cpu("a/p", "n0", "1"), nowhere]), [Verdict::Fits, Verdict::Cannot]);
}

/// `n0` is drained; `n1` and `n2` are pools of their own.
fn pools(cpu: &str) -> Vec<Node> {
    ["n0", "n1", "n2"]
        .map(|name| {
            let labels = json!({"pool": name, "zone": "z"});
            node(
                name,
                json!({"metadata": {"labels": labels}, "status": {"allocatable": {"cpu": cpu, "pods": "9"}}}),
            )
        })
        .to_vec()
}

fn of_pool(pod: Pod, names: &[&str]) -> Pod {
    let term = json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": names}]});
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}});
    pod.edit(json!({"spec": {"affinity": {"nodeAffinity": required}}}))
}

#[test]
fn pods_of_another_pool_take_no_room_here() {
    let other = |names: &[&str]| of_pool(cpu("a/other", "n0", "1"), names);
    let of = |names: &[&str]| {
        let here = of_pool(cpu("a/here", "n0", "1"), &["n0", "n1"]);
        verdicts_of(pools("1"), vec![here, other(names)]).remove(0)
    };
    assert_eq!(of(&["n0", "n2"]), Verdict::Fits);
    assert_eq!(of(&["n1", "n2"]), Verdict::Tight(Why::Competition));
}

#[test]
fn a_pod_of_another_pool_can_still_close_a_zone() {
    let apart = json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "zone", "labelSelector": {}}]}}}});
    let of = |other: Pod| {
        let here = of_pool(cpu("a/here", "n0", "1"), &["n0", "n1"]);
        verdicts_of(pools("9"), vec![here, of_pool(other, &["n2"])]).remove(0)
    };
    assert_eq!(of(cpu("a/other", "n0", "1")), Verdict::Fits);
    assert_eq!(of(cpu("a/other", "n0", "1").edit(apart)), Verdict::Tight(Why::Competition));
}

#[test]
fn preemption_in_another_pool_reaches_here_only_through_pods_that_may_use_both() {
    let of = |there: Pod| {
        let urgent = cpu("a/urgent", "", "2").phase("Pending").priority(10);
        let pods = vec![of_pool(cpu("a/here", "n0", "1"), &["n0", "n1"]), of_pool(urgent, &["n2"]), there];
        verdicts_of(pools("2"), pods).remove(0)
    };
    let there = || cpu("a/there", "n2", "1");
    assert_eq!(of(of_pool(there(), &["n2"])), Verdict::Fits);
    assert_eq!(of(there()), Verdict::Tight(Why::MayBePreempted));
    assert_eq!(of(of_pool(there(), &["n1", "n2"]).priority(10)), Verdict::Fits, "it is not preempted");
    let daemon = json!({"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}]}}}}});
    assert_eq!(of(there().edit(daemon)), Verdict::Fits, "it comes back to its node");
}

#[test]
fn more_pods_than_the_nodes_can_take() {
    let of = |pods: Vec<Pod>| {
        let mut nodes = vec![room("n0", "9", "9"), room("n1", "2", "9"), room("n2", "1500m", "9")];
        for node in &mut nodes {
            node.metadata.labels = Some([("host".to_owned(), node.metadata.name.clone().unwrap())].into());
        }
        judge(&drain(&cluster(nodes, pods), &[0])).remove(0).shortage.map(|it| (it.placed, it.of))
    };
    assert_eq!(of(equal(3, "1")), None);
    assert_eq!(of(equal(4, "1")), Some((3, 4)));
    let apart = |count: usize, key: &str| {
        let affinity = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": key, "labelSelector": {}}]}});
        let pods = equal(count, "1").into_iter();
        pods.map(|pod| pod.edit(json!({"spec": {"affinity": affinity}}))).collect::<Vec<Pod>>()
    };
    assert_eq!(of(apart(2, "host")), None);
    assert_eq!(of(apart(3, "host")), Some((2, 3)), "one on each node");
    assert_eq!(of(apart(3, "other")), None, "nodes without the label are no domains");
    let both = |count: usize| {
        let edit = json!({"spec": {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"topologyKey": "host", "labelSelector": {}}, {"topologyKey": "other", "labelSelector": {}}]}}}});
        equal(count, "1").into_iter().map(|pod| pod.edit(edit.clone())).collect::<Vec<Pod>>()
    };
    assert_eq!(of(both(2)), None, "each key is a limit of its own");
    assert_eq!(of(both(3)), Some((2, 3)));
}

#[test]
fn what_is_not_covered_is_unknown() {
    let nodes = vec![room("n0", "9", "9"), room("n1", "9", "9")];
    let other = pod("a/p", "n0").edit(json!({"spec": {"schedulerName": "volcano"}}));
    assert_eq!(
        verdicts_of(nodes, vec![other]),
        [Verdict::Unknown(vec!["scheduler volcano places it".to_owned()])]
    );
}

#[test]
fn the_nearest_miss_of_each_kind_is_told_with_its_number() {
    let nodes = vec![
        room("n0", "9", "9"),
        room("n1", "1", "9"),
        room("n2", "1500m", "9"),
        node("n3", json!({"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}})),
    ];
    let judged = judge(&drain(&cluster(nodes, equal(1, "2")), &[0])).remove(0);
    let shown: Vec<String> = judged.misses.iter().map(|(count, miss)| format!("{count}: {miss}")).collect();
    assert_eq!(shown, ["2: cpu short by 500m", "1: taint gpu", "1: being drained"]);
}

#[test]
fn a_claim_that_is_missing_is_the_only_reason() {
    let spec = json!({
        "nodeSelector": {"disk": "ssd"},
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
    });
    let pod = pod("a/p", "n0").edit(json!({"spec": spec}));
    let mut cluster = cluster(vec![room("n0", "9", "9"), room("n1", "9", "9")], vec![pod]);
    cluster.volumes = Volumes::read();
    let judged = judge(&drain(&cluster, &[0])).remove(0);
    assert_eq!(judged.misses, [(2, Miss::ClaimMissing("data".to_owned()))]);
}

/// Where a pod that does not exist yet can be placed, while some pods are gone.
#[test]
fn new_pods() {
    let nodes = vec![room("n0", "2", "9"), room("n1", "1", "9")];
    let there =
        cluster(nodes, vec![cpu("a/old", "n0", "2"), cpu("a/other", "n1", "1"), cpu("a/waits", "", "1")]);
    let new = vec![PodFacts::of_new(&cpu("a/new", "", "1")); 3];
    let judged = |gone: &[u32]| {
        let scenario = Scenario::with_new_pods(&there, &gone.iter().copied().map(PodId).collect(), &new);
        let ids: Vec<PodId> = scenario.new_pods().collect();
        assert_eq!(ids, [PodId(3), PodId(4), PodId(5)]);
        assert!(scenario.is_waiting(PodId(2)) && !scenario.is_waiting(PodId(3)));
        judge_best_case(&scenario, ids[0], new.len())
    };
    assert_eq!(judged(&[]).verdict, Verdict::Cannot);
    let after = judged(&[0]);
    assert_eq!(after.verdict, Verdict::Tight(Why::Competition));
    assert_eq!(
        (&*after.nodes, after.shortage),
        (&[NodeId(0)][..], Some(Shortage { placed: 2, of: 3, by: Limit::Room("cpu".into()) }))
    );
}

#[test]
fn new_pods_of_higher_priority_preempt() {
    let there = cluster(vec![room("n0", "1", "9")], vec![cpu("a/old", "n0", "1")]);
    let of = |priority: i32| {
        let new = [PodFacts::of_new(&cpu("a/new", "", "1").priority(priority))];
        let scenario = Scenario::with_new_pods(&there, &BTreeSet::new(), &new);
        judge_best_case(&scenario, PodId(1), 1).verdict
    };
    assert_eq!(of(0), Verdict::Cannot);
    assert_eq!(of(1), Verdict::Tight(Why::Preemption));
}

#[test]
fn a_pod_of_a_node_that_is_gone_needs_no_place() {
    let nodes = vec![room("n0", "9", "9"), room("n1", "1", "9")];
    let pods = vec![cpu("a/p", "n0", "1"), cpu("a/orphan", "gone", "1")];
    assert_eq!(verdicts_of(nodes, pods), [Verdict::Fits]);
}

#[test]
fn pods_of_several_kinds_that_request_more_than_there_is() {
    let of = |large: &str| {
        let mut pods = equal(2, "2");
        pods.push(cpu("a/large", "n0", large));
        let cluster = cluster(vec![room("n0", "9", "9"), room("n1", "3", "9"), room("n2", "3", "9")], pods);
        let scenario = drain(&cluster, &[0]);
        let found = shortfalls(&scenario, &judge(&scenario));
        found.iter().map(|it| (it.pods.len(), it.nodes.len(), it.resource.clone())).collect::<Vec<_>>()
    };
    assert_eq!(of("1900m"), [], "that there is enough in pieces which are too small is not counted");
    assert_eq!(of("3"), [(3, 2, "cpu".to_owned())]);
}
