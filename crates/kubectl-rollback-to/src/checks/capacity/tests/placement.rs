//! Each rule of the scheduler in the way of a new pod, and one edit after which it is not.

use super::super::super::testing::*;
use super::{requesting, room};
use cluster_model::Known;
use cluster_model::build::{self, PodBuild, merge};
use cluster_model::feasibility::volumes::Volumes;
use cluster_model::rollout::Kind;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

const PREDICTED: &str = "capacity-predicted";

fn nodes(count: usize) -> Vec<Node> {
    (1..=count).map(|n| room(&format!("n{n}"), "8", "110")).collect()
}

/// Workload `web` with `spec` in both templates, and with a pod on each of that many nodes.
fn spread_out(kind: Kind, spec: Value, pods: usize) -> Fixture {
    let edit = json!({"spec": spec});
    let mut fixture =
        Fixture::of(kind).live(json!({"spec": {"replicas": pods, "template": edit}})).then(edit.clone());
    let made = |n: usize| {
        let old = pod(kind, &format!("web-{}", n - 1), 2).edit(edit.clone());
        old.edit(json!({"spec": {"nodeName": format!("n{n}")}}))
    };
    fixture.rollout().pods = (1..=pods).map(made).collect();
    fixture
}

fn apart(keys: Value) -> Value {
    let mut term =
        json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}});
    merge(&mut term, keys);
    json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
}

fn strategy(surge: i64, unavailable: i64) -> Value {
    json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}})
}

fn message(fixture: &Fixture) -> Option<String> {
    let mut found = fixture.of_id(PREDICTED);
    assert!(found.len() < 2, "{found:?}");
    assert_eq!(fixture.of_id("capacity-not-checked"), []);
    found.pop().map(|finding| finding.message)
}

#[track_caller]
fn says(fixture: &Fixture, words: &str) {
    let found = message(fixture).unwrap_or_else(|| panic!("nothing is predicted: {:?}", fixture.found()));
    assert!(found.contains(words), "{found:?} does not say {words:?}");
}

#[test]
fn anti_affinity_leaves_no_node_for_the_surge() {
    let of = |keys: Value, there: usize| {
        let mut fixture = spread_out(Kind::Deployment, apart(keys.clone()), 3);
        if keys != json!({}) {
            // As the server made them.
            let own = json!({"labelSelector": {"matchLabels": {"pod-template-hash": "web-2"}}});
            let merged = |pod: &Pod| pod.clone().edit(json!({"spec": apart(own.clone())}));
            fixture.rollout().pods = fixture.rollout().pods.iter().map(merged).collect();
        }
        fixture.in_cluster(&nodes(there), &[])
    };
    says(
        &of(json!({}), 3),
        "no node has a place for one more pod of cpu 100m, memory 64Mi while the old ones are there: \
         3 nodes: pod anti-affinity within kubernetes.io/hostname; nothing moves until there is one",
    );
    assert_eq!(message(&of(json!({}), 4)), None);
    // Only pods of its own revision are kept away.
    assert_eq!(message(&of(json!({"matchLabelKeys": ["pod-template-hash"]}), 3)), None);
    says(&of(json!({"mismatchLabelKeys": ["pod-template-hash"]}), 3), "pod anti-affinity");
    // One of the old pods goes first, and leaves its node.
    let without_surge =
        of(json!({}), 3).live(strategy(0, 1)).then(json!({"metadata": {"labels": {"tier": "x"}}}));
    assert_eq!(message(&without_surge), None);
    says(&of(json!({}), 3).live(strategy(1, 1)), "it goes on as its old pods go");
}

#[test]
fn anti_affinity_of_the_pods_that_are_there_counts_too() {
    let stays = build::pod("shop/lone", "n4").label("app", "lone").edit(json!({"spec": apart(json!({}))}));
    let of = |others: &[Pod]| spread_out(Kind::Deployment, apart(json!({})), 3).in_cluster(&nodes(4), others);
    says(
        &of(std::slice::from_ref(&stays)),
        "1 node: anti-affinity of shop/lone within kubernetes.io/hostname",
    );
    assert_eq!(message(&of(&[stays.deleted("2026-01-01T00:00:00Z")])), None);
}

#[test]
fn fewer_places_than_pods_that_are_made_first() {
    let of = |there: usize| {
        spread_out(Kind::Deployment, apart(json!({})), 3).live(strategy(2, 0)).in_cluster(&nodes(there), &[])
    };
    says(&of(4), "predicted: only 1 of the 2 pods of cpu 100m, memory 64Mi that are made first find a place");
    assert_eq!(message(&of(5)), None);
    // As many as the API takes.
    let endless = of(4).live(strategy(i64::from(i32::MAX), 1)).live(json!({"spec": {"replicas": i32::MAX}}));
    says(&endless, "predicted: only 1 of the 2147483647 pods");
}

#[test]
fn host_ports_are_taken_by_the_old_pods() {
    let of = |port: Value, there: usize| {
        let ports = json!({"containers": [container(json!({"ports": [port]}))]});
        spread_out(Kind::Deployment, ports, 2).in_cluster(&nodes(there), &[])
    };
    says(&of(json!({"containerPort": 80, "hostPort": 80}), 2), "2 nodes: host port 80 in use");
    assert_eq!(message(&of(json!({"containerPort": 80}), 2)), None);
    assert_eq!(message(&of(json!({"containerPort": 80, "hostPort": 80}), 3)), None);
}

#[test]
fn spread_over_zones() {
    let zonal = |name: &str, zone: &str, cpu: &str| {
        let mut node = room(name, cpu, "110");
        node.metadata.labels.get_or_insert_default().insert("zone".into(), zone.into());
        node
    };
    // Zone b has no room; with one more in zone a, that has two more.
    let of = |skew: i64| {
        let constraint = json!({"maxSkew": skew, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "web"}}});
        let mut fixture = spread_out(Kind::Deployment, json!({"topologySpreadConstraints": [constraint]}), 2);
        fixture.rollout().pods.push(pod(Kind::Deployment, "web-9", 2));
        let nodes = [zonal("n1", "a", "8"), zonal("n2", "b", "150m")];
        fixture.live(json!({"spec": {"replicas": 3}})).in_cluster(&nodes, &[])
    };
    says(&of(1), "1 node: topology spread over zone");
    assert_eq!(message(&of(2)), None);
}

#[test]
fn taints_selectors_and_full_nodes_are_told_nearest_first() {
    let tainted = build::node("n2", json!({"spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}}));
    let of = |others: &[Pod]| {
        Fixture::of(Kind::Deployment).in_cluster(&[room("n1", "1", "110"), tainted.clone()], others)
    };
    says(
        &of(&[requesting("x", "n1", "650m")]),
        "while the old ones are there: 1 node: cpu short by 50m; 1 node: taint gpu; nothing moves",
    );
    assert_eq!(message(&of(&[requesting("x", "n1", "600m")])), None);
}

/// Without a surge: the pods have to find room in what the old ones leave.
#[test]
fn in_place_of_an_old_pod() {
    let of = |cpu: &str, unavailable: i64| {
        Fixture::of(Kind::Deployment)
            .live(strategy(0, unavailable))
            .then_container(json!({"resources": {"requests": {"cpu": cpu}}}))
            .in_cluster(&[room("n1", "1", "110")], &[requesting("x", "n1", "600m")])
    };
    says(
        &of("201m", 1),
        "no node has a place for a new pod of cpu 201m, memory 64Mi after an old one is gone: 1 node: cpu short by 1m",
    );
    assert_eq!(message(&of("200m", 1)), None);
    assert_eq!(message(&of("400m", 3)), None);
    says(&of("401m", 3), "after old ones are gone");
}

fn claimed(zone: &str) -> Volumes {
    let mut volumes = Volumes::read();
    for n in 0..3 {
        let claim = json!({"metadata": {"name": format!("data-web-{n}"), "namespace": "shop",
                "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
            "spec": {"volumeName": format!("pv-{n}")}, "status": {"phase": "Bound"}});
        let zone = if n == 1 { zone } else { "a" };
        let volume = json!({"metadata": {"name": format!("pv-{n}"), "labels": {"topology.kubernetes.io/zone": zone}},
            "spec": {"csi": {"driver": "d", "volumeHandle": "h"}}, "status": {"phase": "Bound"}});
        volumes.add_claim(&serde_json::from_value(claim).unwrap());
        volumes.add_volume(&serde_json::from_value(volume).unwrap());
    }
    volumes
}

/// Each pod comes back to its own claims, here to volumes of a zone whose node is too small for the template.
#[test]
fn a_statefulset_follows_its_volumes() {
    let zonal = |name: &str, zone: &str, cpu: &str| {
        let mut node = room(name, cpu, "110");
        let labels = node.metadata.labels.get_or_insert_default();
        labels.insert("topology.kubernetes.io/zone".into(), zone.into());
        node
    };
    let of = |volumes: Known<Volumes>| {
        let templates = json!([{"metadata": {"name": "data"}}]);
        let mut fixture = Fixture::of(Kind::StatefulSet)
            .live(json!({"spec": {"volumeClaimTemplates": templates}}))
            .then_container(json!({"resources": {"requests": {"cpu": "1"}}}))
            .in_cluster(&[zonal("n1", "a", "8"), zonal("n2", "b", "500m")], &[]);
        if let (Known::Seen(cluster), Known::Seen(volumes)) = (&mut fixture.snapshot.scheduling, volumes) {
            cluster.volumes = volumes;
        }
        fixture
    };
    says(
        &of(Known::Seen(claimed("b"))),
        "no node has a place for web-1 of cpu 1, memory 64Mi after the old one is gone: 1 node: cpu short by 500m; 1 node: zone of PV pv-1; \
         it stays Pending",
    );
    assert_eq!(message(&of(Known::Seen(claimed("a")))), None);
    let unread = of(Known::Unknown("forbidden".into()));
    assert!(unread.message_of("capacity-not-checked").contains("were not read"), "{:?}", unread.found());
    assert_eq!(unread.of_id(PREDICTED), []);
}

#[test]
fn pods_of_the_target_that_are_there_need_no_place() {
    let mut fixture = Fixture::of(Kind::Deployment);
    fixture.rollout().pods = (0..3).map(|n| pod(Kind::Deployment, &format!("web-{n}"), 1)).collect();
    let small = |fixture: Fixture| fixture.in_cluster(&[room("n1", "300m", "110")], &[]);
    assert_eq!(message(&small(fixture)), None);
    says(&small(Fixture::of(Kind::Deployment)), "cpu short by 100m");
}

#[test]
fn preemption_makes_room_only_with_a_priority_that_is_known() {
    let full = |fixture: Fixture| {
        fixture.in_cluster(&[room("n1", "500m", "110")], &[requesting("low", "n1", "200m")])
    };
    let classed = |found: Known<Option<Value>>| {
        let class = json!({"spec": {"priorityClassName": "high"}});
        full(Fixture::of(Kind::Deployment).then(class).refers("PriorityClass", "high", found))
    };
    says(&full(Fixture::of(Kind::Deployment)), "nothing moves");
    let high = classed(Known::Seen(Some(json!({"value": 1000}))));
    says(
        &high,
        "while the old ones are there, unless pods of lower priority are preempted: 1 node: cpu short by 100m",
    );
    let never = classed(Known::Seen(Some(json!({"value": 1000, "preemptionPolicy": "Never"}))));
    says(&never, "nothing moves");
    let unknown = classed(Known::Unknown("forbidden".into()));
    assert!(
        unknown.message_of("capacity-not-checked").contains("only by preempting other pods"),
        "{:?}",
        unknown.found()
    );
}

#[test]
fn what_the_model_does_not_cover_is_unknown() {
    for spec in [json!({"schedulerName": "other"}), json!({"schedulingGates": [{"name": "g"}]})] {
        let fixture = Fixture::of(Kind::Deployment).then(json!({"spec": spec}));
        assert!(!fixture.message_of("capacity-not-checked").is_empty(), "{spec}");
        assert_eq!(fixture.of_id(PREDICTED), [], "{spec}");
    }
}

#[test]
fn a_template_that_names_its_node() {
    let of = |name: &str| {
        Fixture::of(Kind::Deployment).then(json!({"spec": {"nodeName": name}})).in_cluster(&nodes(2), &[])
    };
    says(&of("n9"), "no node may run its pods: 2 nodes: node affinity");
    assert_eq!(message(&of("n2")), None);
}
