use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

use crate::Known;
use crate::build::{PodBuild, node, pod};
use crate::feasibility::cluster::Cluster;
use crate::feasibility::testing::{
    answers, claim, cluster, drained, pod_with_claim, verdicts, volume_of, volumes,
};
use crate::feasibility::volumes::Volumes;
use crate::feasibility::{Verdict, judge};

const ZONE: &str = "topology.kubernetes.io/zone";
const EBS_ZONE: &str = "topology.ebs.csi.aws.com/zone";

fn in_zone(name: &str, zone: &str) -> Node {
    let labels = json!({ZONE: zone, EBS_ZONE: zone});
    node(name, json!({"metadata": {"labels": labels}, "status": {"allocatable": {"pods": "9"}}}))
}

/// One node in each of the zones a and b.
fn with(pod: Pod, volumes: Volumes) -> Cluster {
    let mut cluster = cluster(vec![in_zone("n1", "a"), in_zone("n2", "b")], vec![pod]);
    cluster.volumes = volumes;
    cluster
}

fn of_pod(pod: Pod, volumes: Volumes) -> Vec<String> {
    answers("VolumeBinding", &with(pod, volumes), "a/p")
}

fn of_claim(objects: &[Value]) -> Vec<String> {
    of_pod(pod_with_claim("a/p", "n1", "c"), volumes(objects))
}

fn affinity(terms: &Value) -> Value {
    json!({"spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}})
}

fn zone_in(key: &str, zones: &[&str]) -> Value {
    json!({"matchExpressions": [{"key": key, "operator": "In", "values": zones}]})
}

fn class(name: &str, edit: Value) -> Value {
    let mut class = json!({
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    });
    crate::build::merge(&mut class, edit);
    class
}

fn allowed(zone: &str) -> Value {
    json!({"allowedTopologies": [{"matchLabelExpressions": [{"key": ZONE, "values": [zone]}]}]})
}

#[test]
fn a_bound_volume_reaches_nodes_by_its_affinity() {
    let (passes, miss) = ("passes", "node affinity of PV pv-c");
    let named = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]});
    let mut named_in_b = named.clone();
    crate::build::merge(&mut named_in_b, zone_in(ZONE, &["b"]));
    let cases = [
        (json!({}), [passes, passes]),
        (affinity(&json!([zone_in(ZONE, &["a"])])), [passes, miss]),
        (affinity(&json!([zone_in(ZONE, &["a", "b"])])), [passes, passes]),
        (affinity(&json!([zone_in(ZONE, &["a"]), zone_in(EBS_ZONE, &["b"])])), [passes, passes]),
        (affinity(&json!([zone_in("rack", &["a"])])), [miss, miss]),
        (affinity(&json!([{}])), [miss, miss]),
        (affinity(&json!([])), [miss, miss]),
        (affinity(&json!([named])), [passes, passes]),
        (affinity(&json!([named_in_b])), [miss, passes]),
    ];
    for (edit, expected) in cases {
        assert_eq!(of_claim(&[claim("c", json!({})), volume_of("c", edit.clone())]), expected, "{edit}");
    }
}

#[test]
fn what_is_missing_or_not_bound() {
    let unbound = |edit: Value| {
        let mut unbound = json!({"metadata": {"annotations": null}, "spec": {"volumeName": null}, "status": {"phase": "Pending"}});
        crate::build::merge(&mut unbound, edit);
        claim("c", unbound)
    };
    let volume = || volume_of("c", json!({}));
    let not_bound = "unknown: PVC c is not bound yet";
    let immediate = class("fast", json!({"volumeBindingMode": "Immediate"}));
    let prebound = unbound(json!({"spec": {"volumeName": "pv-c"}}));
    let provisioning =
        unbound(json!({"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "n1"}}}));
    let old_class = json!({"metadata": {"annotations": {"volume.beta.kubernetes.io/storage-class": "slow"}}});
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let lost = json!({"status": {"phase": "Lost"}});
    let cases = [
        (vec![], "PVC c not found"),
        (vec![claim("other", json!({}))], "PVC c not found"),
        (vec![claim("c", json!({}))], "PV pv-c not found"),
        (vec![claim("c", lost.clone())], "PV pv-c not found"),
        (vec![claim("c", lost), volume()], "unknown: PVC c has phase Lost"),
        (vec![claim("c", deleted), volume()], "unknown: PVC c is being deleted"),
        (vec![unbound(json!({}))], not_bound),
        (vec![unbound(json!({})), immediate], not_bound),
        (vec![prebound, volume(), class("fast", json!({}))], not_bound),
        (vec![provisioning, class("fast", json!({}))], not_bound),
        (vec![unbound(json!({})), class("fast", json!({}))], "passes"),
        (vec![unbound(old_class), class("fast", json!({}))], not_bound),
    ];
    for (objects, expected) in cases {
        assert_eq!(of_claim(&objects), [expected; 2], "{objects:?}");
    }
}

#[test]
fn what_could_not_be_read_is_unknown() {
    let objects = [claim("c", json!({})), volume_of("c", json!({}))];
    let without = |edit: fn(&mut Volumes)| {
        let mut volumes = volumes(&objects);
        edit(&mut volumes);
        of_pod(pod_with_claim("a/p", "n1", "c"), volumes).swap_remove(1)
    };
    assert_eq!(without(|_| ()), "passes");
    assert_eq!(without(|it| it.claims = Known::Unknown("no right".to_owned())), "unknown: no right");
    assert_eq!(
        without(|it| it.persistent_volumes = Known::Unknown("no right".to_owned())),
        "unknown: no right"
    );
    assert_eq!(without(|it| *it = Volumes::default()), "unknown: PersistentVolumeClaims were not read");
}

#[test]
fn an_in_tree_volume_is_the_csi_volume_that_it_became() {
    let of = |edit: Value, migrated: &str| {
        let mut volume = volume_of("c", edit);
        volume["spec"]["csi"] = Value::Null;
        volume["spec"]["awsElasticBlockStore"] = json!({"volumeID": "vol-1"});
        let annotations = json!({"storage.alpha.kubernetes.io/migrated-plugins": migrated});
        let csi_node = |name| json!({"kind": "CSINode", "metadata": {"name": name, "annotations": annotations}, "spec": {"drivers": []}});
        let objects = [claim("c", json!({})), volume, csi_node("n1"), csi_node("n2")];
        let labels = |key: &str, zone| node("n", json!({"metadata": {"labels": {key: zone}}}));
        let renamed = |name: &str, mut node: Node| {
            node.metadata.name = Some(name.to_owned());
            node
        };
        // n1 has the driver's label alone, n2 that of Kubernetes.
        let nodes = vec![renamed("n1", labels(EBS_ZONE, "a")), renamed("n2", labels(ZONE, "a"))];
        let mut cluster = cluster(nodes, vec![pod_with_claim("a/p", "n1", "c")]);
        cluster.volumes = volumes(&objects);
        let known = answers("VolumeBinding", &cluster, "a/p");
        cluster.volumes.csi_nodes = Known::Unknown("no right".to_owned());
        (known, answers("VolumeBinding", &cluster, "a/p"))
    };
    let (passes, miss, unknown) = ("passes", "node affinity of PV pv-c", "unknown: no right");
    let beta = "failure-domain.beta.kubernetes.io/zone";
    let in_a = |key| affinity(&json!([zone_in(key, &["a"])]));
    let ebs = "kubernetes.io/gce-pd,kubernetes.io/aws-ebs";
    let labelled = json!({"metadata": {"labels": {ZONE: "a__b"}}});
    let cases = [
        (in_a(ZONE), "", [miss, passes], [unknown, unknown]),
        (in_a(ZONE), ebs, [passes, miss], [unknown, unknown]),
        (in_a(ZONE), "kubernetes.io/gce-pd", [miss, passes], [unknown, unknown]),
        (in_a(beta), ebs, [passes, miss], [unknown, miss]),
        (labelled.clone(), "", [passes, passes], [passes, unknown]),
        (labelled, ebs, [passes, miss], [passes, unknown]),
        (json!({"metadata": {"labels": {beta: "a"}}}), ebs, [passes, miss], [passes, unknown]),
        (in_a("rack"), ebs, [miss, miss], [miss, miss]),
        (json!({}), ebs, [passes, passes], [passes, passes]),
    ];
    for (edit, migrated, known, unread) in cases {
        let (now, without) = of(edit.clone(), migrated);
        assert_eq!(now, known, "{edit} {migrated}");
        assert_eq!(without, unread, "{edit} {migrated}");
    }
}

fn ephemeral(on: &str, class: &Value) -> Pod {
    let template = json!({"spec": {"storageClassName": class}});
    pod("a/p", on).volume(json!({"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}))
}

#[test]
fn a_new_claim_is_provisioned_where_its_class_allows_it() {
    let can = "unknown: whether its ephemeral volume scratch can be bound";
    let storage = "unknown: whether ebs.csi.aws.com has enough storage for StorageClass fast";
    let (passes, topology) = ("passes", "topology of StorageClass fast");
    let fast = json!("fast");
    let free = volume_of("free", json!({"status": {"phase": "Available"}}));
    let driver = |tracks| json!({"kind": "CSIDriver", "metadata": {"name": "ebs.csi.aws.com"}, "spec": {"storageCapacity": tracks}});
    let default =
        json!({"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}});
    let plain = || class("fast", json!({}));
    let cases = [
        (&fast, vec![], [can, can]),
        (&fast, vec![plain()], [passes, passes]),
        (&fast, vec![class("fast", json!({"volumeBindingMode": "Immediate"}))], [can, can]),
        (&fast, vec![class("fast", json!({"provisioner": "kubernetes.io/no-provisioner"}))], [can, can]),
        (&fast, vec![class("fast", allowed("a"))], [passes, topology]),
        (&fast, vec![class("fast", json!({"allowedTopologies": [{}]}))], [topology, topology]),
        (&fast, vec![class("fast", allowed("a")), volume_of("other", json!({}))], [passes, topology]),
        (&fast, vec![class("fast", allowed("a")), free], [passes, can]),
        (&fast, vec![class("fast", allowed("a")), driver(true)], [storage, topology]),
        (&fast, vec![class("fast", allowed("a")), driver(false)], [passes, topology]),
        (&Value::Null, vec![plain()], [can, can]),
        (&Value::Null, vec![class("fast", default.clone())], [passes, passes]),
        (&Value::Null, vec![class("fast", default.clone()), class("slow", default)], [can, can]),
        (&json!(""), vec![plain()], [can, can]),
    ];
    for (class, objects, expected) in cases {
        assert_eq!(of_pod(ephemeral("n1", class), volumes(&objects)), expected, "{class} {objects:?}");
    }
    let waiting = of_pod(ephemeral("", &fast), volumes(&[plain()]));
    assert_eq!(waiting, ["unknown: whether its ephemeral volume scratch is bound"; 2]);
}

#[test]
fn pods_that_wait_are_judged_apart_from_those_that_are_evicted() {
    let waiting = ephemeral("", &json!("fast")).edit(json!({"metadata": {"name": "q"}}));
    let nodes = vec![in_zone("n1", "a"), in_zone("n2", "b")];
    let mut cluster = cluster(nodes, vec![ephemeral("n1", &json!("fast")), waiting]);
    cluster.volumes = volumes(&[class("fast", json!({}))]);
    let unknown = Verdict::Unknown(vec!["whether its ephemeral volume scratch is bound".to_owned()]);
    assert_eq!(verdicts(&cluster), [Verdict::Fits, unknown]);
}

#[test]
fn a_zonal_volume_whose_only_zone_is_drained() {
    let of = |zones: &[&str]| {
        let volume = volume_of("c", affinity(&json!([zone_in(ZONE, zones)])));
        let cluster = with(pod_with_claim("a/p", "n1", "c"), volumes(&[claim("c", json!({})), volume]));
        let judged = judge(&drained(&cluster)).remove(0);
        let misses = judged.misses.iter().map(|(count, miss)| format!("{count}: {miss}"));
        (judged.verdict, misses.collect::<Vec<_>>())
    };
    let misses = ["1: node affinity of PV pv-c", "1: being drained"].map(str::to_owned).to_vec();
    assert_eq!(of(&["a"]), (Verdict::Cannot, misses));
    assert_eq!(of(&["a", "b"]).0, Verdict::Fits);
}
