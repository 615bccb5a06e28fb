mod placement;

use super::super::testing::*;
use super::pod_that_needs_room;
use cluster_model::build::{self, PodBuild};
use cluster_model::rollout::Kind;
use cluster_model::{Known, Severity};
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

fn room(name: &str, cpu: &str, pods: &str) -> Node {
    build::node(
        name,
        json!({"metadata": {"labels": {"kubernetes.io/hostname": name}},
            "status": {"allocatable": {"cpu": cpu, "memory": "16Gi", "pods": pods}}}),
    )
}

fn requesting(name: &str, on: &str, cpu: &str) -> Pod {
    let requests = json!({"requests": {"cpu": cpu}});
    build::pod(&format!("other/{name}"), on)
        .edit(json!({"spec": {"containers": [{"name": "x", "resources": requests}]}}))
}

/// One node with its three pods and another one, and with so much room besides its three pods.
fn full(kind: Kind, other: &str, pods: &str) -> Fixture {
    Fixture::of(kind).in_cluster(&[room("n1", "1300m", pods)], &[requesting("x", "n1", other)])
}

#[test]
fn capacity_predicted() {
    let bad = full(Kind::Deployment, "950m", "10");
    fires("capacity-predicted", Severity::Warning, &bad, &full(Kind::Deployment, "900m", "10"));
    assert_eq!(
        bad.message_of("capacity-predicted"),
        "predicted: no node has a place for one more pod of cpu 100m, memory 64Mi while the old ones are there: 1 node: cpu short by 50m; \
         nothing moves until there is one"
    );
    fires(
        "capacity-predicted",
        Severity::Warning,
        &full(Kind::Deployment, "0", "4"),
        &full(Kind::Deployment, "0", "5"),
    );
    fires("capacity-predicted", Severity::Warning, &bad, &full(Kind::StatefulSet, "950m", "10"));
}

#[test]
fn no_node_it_may_use() {
    let on = |spec: Value| Fixture::of(Kind::StatefulSet).then(json!({"spec": spec}));
    let bad = on(json!({"nodeSelector": {"disk": "ssd"}}));
    fires("capacity-predicted", Severity::Warning, &bad, &on(json!({"nodeSelector": {}})));
    assert_eq!(
        bad.message_of("capacity-predicted"),
        "predicted: no node may run its pods: 1 node: no label disk=ssd"
    );
    let none = Fixture::of(Kind::Deployment).in_cluster(&[], &[]);
    assert!(none.message_of("capacity-predicted").ends_with("there are none"));
    fires("capacity-predicted", Severity::Warning, &none, &Fixture::of(Kind::Deployment));
}

/// After the old pods are gone nothing would run: no surge is needed for that.
#[test]
fn no_node_is_large_enough() {
    let requesting = |fixture: Fixture, cpu: &str| {
        fixture.then_container(json!({"resources": {"requests": {"cpu": cpu}}}))
    };
    let strategies = [
        (Kind::Deployment, json!({"strategy": {"type": "Recreate", "rollingUpdate": null}})),
        (Kind::Deployment, json!({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}})),
        (Kind::StatefulSet, json!({})),
        (Kind::DaemonSet, json!({})),
    ];
    for (kind, spec) in strategies {
        let of = |cpu| requesting(Fixture::of(kind).live(json!({"spec": spec})), cpu);
        fires("capacity-predicted", Severity::Warning, &of("9"), &of("7"));
        assert_eq!(
            of("9").message_of("capacity-predicted"),
            "predicted: the only node it may use is too small for a pod of cpu 9, memory 64Mi, even if it were empty: it has cpu 8",
            "{kind:?}"
        );
    }
    // With a surge it is the same, and more room on them would not help.
    assert!(
        requesting(Fixture::of(Kind::Deployment), "9").message_of("capacity-predicted").contains("too small")
    );
}

#[test]
fn what_a_node_has_is_not_guessed() {
    let mut fixture =
        Fixture::of(Kind::StatefulSet).then_container(json!({"resources": {"requests": {"cpu": "9"}}}));
    fixture = fixture.in_cluster(
        &[
            build::node(
                "n1",
                json!({"status": {"allocatable": {"cpu": "8", "memory": "16Gi", "pods": "10"}}}),
            ),
            build::node("n2", json!({"status": {"allocatable": null}})),
        ],
        &[],
    );
    assert_eq!(fixture.of_id("capacity-predicted"), [], "n2 has not reported its allocatable resources yet");
    let gpu = Fixture::of(Kind::StatefulSet)
        .then_container(json!({"resources": {"limits": {"nvidia.com/gpu": "1"}}}));
    assert!(gpu.message_of("capacity-predicted").ends_with("it has nvidia.com/gpu 0"), "{:?}", gpu.found());
    fixture.snapshot.nodes = Known::Unknown("forbidden".into());
    fires("capacity-not-checked", Severity::Unknown, &fixture, &Fixture::of(Kind::StatefulSet));
}

/// Its controller removes every pod where the template may not run, and makes none.
#[test]
fn a_daemonset_that_may_run_nowhere() {
    let on = |spec: Value| Fixture::of(Kind::DaemonSet).then(json!({"spec": spec}));
    fires(
        "capacity-predicted",
        Severity::Warning,
        &on(json!({"nodeSelector": {"disk": "ssd"}})),
        &on(json!({"nodeSelector": {}})),
    );
    // The controller adds these tolerations itself.
    let mut cordoned = on(json!({}));
    cordoned = cordoned.in_cluster(
        &[build::node(
            "n1",
            json!({"spec": {"unschedulable": true, "taints": [
                {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
                {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"},
                {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]},
            "status": {"allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110"}}}),
        )],
        &[],
    );
    assert_eq!(cordoned.of_id("capacity-predicted"), []);
}

#[test]
fn the_pods_of_the_cluster_are_read_only_for_a_surge_or_other_rules() {
    let needs = |fixture: Fixture| {
        let case = fixture.case();
        pod_that_needs_room(case.rollout(), case.template()).is_some()
    };
    assert_eq!(Kind::ALL.map(|kind| needs(Fixture::of(kind))), [true, false, false]);
    let no_surge = || {
        let rolling = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
        Fixture::of(Kind::Deployment).live(json!({"spec": {"strategy": rolling}}))
    };
    assert!(!needs(no_surge()));
    for edit in [
        json!({"spec": {"nodeSelector": {"disk": "ssd"}}}),
        json!({"metadata": {"labels": {"tier": "front"}}}),
        json!({"spec": {"containers": [container(json!({"resources": {"requests": {"cpu": "1"}}}))]}}),
    ] {
        assert!(needs(no_surge().then(edit.clone())), "{edit}");
        assert!(!needs(Fixture::of(Kind::DaemonSet).then(edit.clone())), "{edit}");
    }
    assert!(!needs(no_surge().then(json!({"metadata": {"annotations": {"a": "b"}}}))));
}

#[test]
fn capacity_not_checked() {
    let good = Fixture::of(Kind::Deployment);
    let mut bad = Fixture::of(Kind::Deployment);
    bad.snapshot.nodes = Known::Unknown("forbidden".into());
    fires("capacity-not-checked", Severity::Unknown, &bad, &good);
    let mut bad = Fixture::of(Kind::Deployment);
    bad.snapshot.scheduling = Known::Unknown("forbidden".into());
    fires("capacity-not-checked", Severity::Unknown, &bad, &good);
}
