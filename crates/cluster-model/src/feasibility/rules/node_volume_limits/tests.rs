use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::Known;
use crate::build::{PodBuild, node, pod};
use crate::feasibility::cluster::Cluster;
use crate::feasibility::testing::{
    answers, claim, cluster, drained, pod_with_claim, verdicts, volume_of, volumes,
};
use crate::feasibility::{Verdict, Why};

const EBS: &str = "ebs.csi.aws.com";

/// CSINode n2, to which `driver` can attach `limit` volumes.
fn csi_node(driver: &str, limit: Option<i32>) -> Value {
    let allocatable = limit.map(|count| json!({"count": count}));
    let driver = json!({"name": driver, "nodeID": "n2", "allocatable": allocatable});
    json!({"kind": "CSINode", "metadata": {"name": "n2"}, "spec": {"drivers": [driver]}})
}

fn bound(name: &str) -> [Value; 2] {
    [claim(name, json!({})), volume_of(name, json!({}))]
}

fn attachment(volume: &str, on: &str) -> Value {
    json!({
        "kind": "VolumeAttachment",
        "metadata": {"name": volume},
        "spec": {"attacher": EBS, "nodeName": on, "source": {"persistentVolumeName": volume}},
        "status": {"attached": true},
    })
}

fn in_tree(name: &str) -> [Value; 2] {
    let mut volume = volume_of(name, json!({"spec": {"awsElasticBlockStore": {"volumeID": name}}}));
    volume["spec"]["csi"] = Value::Null;
    [claim(name, json!({})), volume]
}

/// n1 is drained. Pods and claims c, d and e of namespace a.
fn with(pods: Vec<Pod>, objects: &[&[Value]]) -> Cluster {
    let room = |name| node(name, json!({"status": {"allocatable": {"pods": "9"}}}));
    let mut cluster = cluster(vec![room("n1"), room("n2")], pods);
    cluster.volumes = volumes(&objects.concat());
    cluster
}

fn answer(pods: Vec<Pod>, objects: &[&[Value]]) -> String {
    answers("NodeVolumeLimits", &with(pods, objects), "a/p").get(1).cloned().unwrap_or_default()
}

fn own() -> Pod {
    pod_with_claim("a/p", "n1", "c")
}

fn there(name: &str) -> Pod {
    pod_with_claim(&format!("a/{name}"), "n2", name)
}

#[test]
fn volumes_of_pods_count_towards_the_limit() {
    let all = [bound("c"), bound("d"), bound("e")].concat();
    let limit = |count| [csi_node(EBS, Some(count))];
    let (passes, miss) = ("passes", "volume limit of ebs.csi.aws.com");
    let two_volumes = own().edit(json!({"spec": {"volumes": [
        {"name": "a", "persistentVolumeClaim": {"claimName": "c"}},
        {"name": "b", "persistentVolumeClaim": {"claimName": "d"}}]}}));
    let leaving = there("d").deleted("2026-01-01T00:00:00Z");
    let cases = [
        (vec![own()], limit(1).to_vec(), passes),
        (vec![own()], limit(0).to_vec(), miss),
        (vec![own()], vec![], passes),
        (vec![own()], vec![csi_node(EBS, None)], passes),
        (vec![own()], vec![csi_node("other", Some(0))], passes),
        (vec![own(), there("d")], limit(1).to_vec(), miss),
        (vec![own(), there("d")], limit(2).to_vec(), passes),
        (vec![own(), there("d"), pod_with_claim("a/again", "n2", "d")], limit(2).to_vec(), passes),
        (vec![own(), there("d"), there("e")], limit(2).to_vec(), miss),
        // Its own volume is there already.
        (vec![own(), there("c"), there("d")], limit(2).to_vec(), passes),
        (vec![own(), there("c"), there("d")], limit(0).to_vec(), passes),
        (vec![own(), leaving], limit(1).to_vec(), passes),
        (vec![two_volumes.clone()], limit(1).to_vec(), miss),
        (vec![two_volumes], limit(2).to_vec(), passes),
        (vec![own(), pod_with_claim("b/other", "n2", "d")], limit(1).to_vec(), passes),
        (vec![pod("a/p", "n1")], limit(0).to_vec(), ""),
    ];
    for (index, (pods, nodes, expected)) in cases.into_iter().enumerate() {
        assert_eq!(answer(pods, &[&all, &nodes]), expected, "case {index}");
    }
}

#[test]
fn one_handle_is_one_volume() {
    let same = volume_of("d", json!({"spec": {"csi": {"volumeHandle": "c"}}}));
    let objects = [&bound("c")[..], &[claim("d", json!({})), same, csi_node(EBS, Some(1))]];
    assert_eq!(answer(vec![own(), there("d")], &objects), "passes");
}

#[test]
fn what_may_not_count_is_unknown_near_the_limit() {
    let unknown = "unknown: how many volumes of ebs.csi.aws.com count on each node";
    let limit = |count| [csi_node(EBS, Some(count))];
    let all = [bound("c"), bound("d"), in_tree("e")].concat();
    assert_eq!(answer(vec![own(), there("e")], &[&all, &limit(1)]), unknown);
    assert_eq!(answer(vec![own(), there("e")], &[&all, &limit(2)]), "passes");
    let old = || pod_with_claim("a/p", "n1", "e");
    assert_eq!(answer(vec![old(), there("d")], &[&all, &limit(1)]), unknown);
    assert_eq!(answer(vec![old()], &[&all, &limit(1)]), "passes");
    let disk =
        |key, on| pod(key, on).volume(json!({"name": "disk", "awsElasticBlockStore": {"volumeID": "v"}}));
    assert_eq!(answer(vec![own(), disk("a/other", "n2")], &[&all, &limit(1)]), unknown);
    assert_eq!(answer(vec![disk("a/p", "n1")], &[&all, &limit(0)]), unknown);
    let azure =
        pod("a/other", "n2").volume(json!({"name": "disk", "azureDisk": {"diskName": "d", "diskURI": "u"}}));
    let objects =
        [claim("c", json!({})), volume_of("c", json!({"spec": {"csi": {"driver": "disk.csi.azure.com"}}}))];
    let of_azure = answer(vec![own(), azure], &[&objects, &[csi_node("disk.csi.azure.com", Some(1))]]);
    assert_eq!(of_azure, "unknown: how many volumes of disk.csi.azure.com count on each node");
}

#[test]
fn claims_without_a_volume_count_by_their_class() {
    let class = |mode| json!({"kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": EBS, "volumeBindingMode": mode});
    let scratch = |key, on| {
        let template = json!({"spec": {"storageClassName": "fast"}});
        pod(key, on).volume(json!({"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}))
    };
    let waits = || class("WaitForFirstConsumer");
    let miss = "volume limit of ebs.csi.aws.com";
    let unknown = "unknown: how many volumes of ebs.csi.aws.com count on each node";
    let of = |pod, class, limit| answer(vec![pod], &[&[class, csi_node(EBS, Some(limit))]]);
    assert_eq!(of(scratch("a/p", "n1"), waits(), 0), miss);
    assert_eq!(of(scratch("a/p", "n1"), waits(), 1), "passes");
    assert_eq!(of(scratch("a/p", ""), waits(), 0), unknown);
    assert_eq!(of(scratch("a/p", "n1"), class("Immediate"), 0), unknown);
    let unbound = claim("c", json!({"metadata": {"annotations": null}, "spec": {"volumeName": null}}));
    assert_eq!(answer(vec![own()], &[&[unbound, waits(), csi_node(EBS, Some(0))]]), unknown);
    // The claim of an ephemeral volume on a node is named after its pod.
    let of_other = [claim("other-scratch", json!({})), volume_of("other-scratch", json!({}))];
    let pods = vec![own(), scratch("a/other", "n2")];
    assert_eq!(answer(pods, &[&bound("c"), &of_other, &[waits(), csi_node(EBS, Some(1))]]), miss);
}

#[test]
fn what_could_not_be_read_is_unknown() {
    let with = |limit| with(vec![own()], &[&bound("c"), &[csi_node(EBS, limit)]]);
    let answer = |cluster: &Cluster| answers("NodeVolumeLimits", cluster, "a/p").swap_remove(1);
    let mut cluster = with(Some(9));
    cluster.volumes.csi_nodes = Known::Unknown("no right".to_owned());
    assert_eq!(answer(&cluster), "unknown: no right");
    for (limit, expected) in
        [(Some(9), "unknown: no right"), (Some(0), "volume limit of ebs.csi.aws.com"), (None, "passes")]
    {
        let mut cluster = with(limit);
        cluster.volumes.attachments = Known::Unknown("no right".to_owned());
        assert_eq!(answer(&cluster), expected, "{limit:?}");
        cluster.volumes.attachments = Known::Seen(Default::default());
        cluster.volumes.drivers = Known::Unknown("no right".to_owned());
        // The driver is on the node, so nothing else has to be known of it.
        assert_eq!(answer(&cluster), expected.replace("unknown: no right", "passes"), "{limit:?}");
        cluster.volumes.csi_nodes = Known::Seen(Default::default());
        assert_eq!(answer(&cluster), "unknown: no right", "{limit:?}");
    }
}

#[test]
fn a_driver_that_has_to_be_on_the_node() {
    let of = |is_needed, nodes: &[Value]| {
        let driver = json!({"kind": "CSIDriver", "metadata": {"name": EBS}, "spec": {"preventPodSchedulingIfMissing": is_needed}});
        answer(vec![own()], &[&bound("c"), &[driver], nodes])
    };
    let unknown = "unknown: whether pods need ebs.csi.aws.com on their node";
    assert_eq!(of(true, &[]), unknown);
    assert_eq!(of(true, &[csi_node("other", None)]), unknown);
    assert_eq!(of(true, &[csi_node(EBS, None)]), "passes");
    assert_eq!(of(false, &[]), "passes");
}

#[test]
fn a_limit_that_is_reached_or_may_be() {
    let all = [bound("c"), bound("d"), bound("e")].concat();
    let of = |pods: Vec<Pod>, limit, more: &[Value]| {
        verdicts(&with(pods, &[&all, &[csi_node(EBS, Some(limit))], more])).remove(0)
    };
    let tight = Verdict::Tight(Why::Competition);
    assert_eq!(of(vec![own(), there("d")], 1, &[]), Verdict::Cannot);
    assert_eq!(of(vec![own(), there("d")], 2, &[]), Verdict::Fits);
    // Another pod that moves can take the last place.
    let moves = pod_with_claim("a/other", "n1", "e");
    assert_eq!(of(vec![own(), there("d"), moves.clone()], 2, &[]), tight);
    assert_eq!(of(vec![own(), there("d"), moves], 3, &[]), Verdict::Fits);
    // What is attached without a pod counts until it is detached; elsewhere it does not count.
    assert_eq!(of(vec![own()], 1, &[attachment("pv-d", "n2")]), tight);
    assert_eq!(of(vec![own()], 1, &[attachment("pv-d", "n1")]), Verdict::Fits);
    assert_eq!(of(vec![own(), there("d")], 2, &[attachment("pv-d", "n2")]), Verdict::Fits);
    let leaving = there("d").deleted("2026-01-01T00:00:00Z");
    assert_eq!(of(vec![own(), leaving], 1, &[]), tight);
}

#[test]
fn what_may_count_takes_room_for_certain() {
    let all = [bound("c"), in_tree("e")].concat();
    let attachments = [attachment("pv-e", "n2"), attachment("pv-gone", "n2")];
    let of = |limit| {
        let cluster = with(vec![own(), there("e")], &[&all, &[csi_node(EBS, Some(limit))], &attachments]);
        super::free(&drained(&cluster), cluster.find_node("n2").unwrap())
    };
    let left = of(3);
    assert_eq!(
        left.into_iter().collect::<Vec<_>>(),
        [("counted:volumes of ebs.csi.aws.com".to_owned(), 2_000_000_000)]
    );
}
