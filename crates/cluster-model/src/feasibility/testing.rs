//! A cluster from objects, and what a rule answers in it. In these tests the first node is drained.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

use super::cluster::{Cluster, NodeId, PodId};
use super::judgement::Verdict;
use super::rule::Answer;
use super::rules::RULES;
use super::scenario::Scenario;
use super::verdict::judge;
use super::volumes::Volumes;

pub fn cluster(nodes: Vec<Node>, pods: Vec<Pod>) -> Cluster {
    let mut cluster = Cluster::default();
    nodes.iter().for_each(|node| cluster.add_node(node));
    pods.iter().for_each(|pod| cluster.add_pod(pod));
    cluster.finish();
    cluster
}

/// The first node drained: all its pods are evicted and made again.
pub fn drained(cluster: &Cluster) -> Scenario<'_> {
    drain(cluster, &[0])
}

pub fn drain<'a>(cluster: &'a Cluster, nodes: &[u32]) -> Scenario<'a> {
    let nodes: BTreeSet<NodeId> = nodes.iter().map(|node| NodeId(*node)).collect();
    let on = |pod: &PodId| cluster.pod(*pod).node.is_some_and(|node| nodes.contains(&node));
    let evicted: BTreeSet<PodId> = cluster.pod_ids().filter(on).collect();
    let recreated: Vec<PodId> = evicted.iter().copied().collect();
    Scenario::new(cluster, nodes, &evicted, &recreated)
}

pub fn find(cluster: &Cluster, key: &str) -> PodId {
    let is_it = |id: &PodId| {
        let pod = cluster.pod(*id);
        format!("{}/{}", pod.namespace, pod.name) == key
    };
    cluster.pod_ids().find(is_it).unwrap()
}

/// Of the pods to be placed when the first node is drained.
pub fn verdicts_of(nodes: Vec<Node>, pods: Vec<Pod>) -> Vec<Verdict> {
    verdicts(&cluster(nodes, pods))
}

pub fn verdicts(cluster: &Cluster) -> Vec<Verdict> {
    judge(&drained(cluster)).into_iter().map(|it| it.verdict).collect()
}

/// Objects about volumes, each by its kind.
pub fn volumes(objects: &[Value]) -> Volumes {
    fn typed<T: serde::de::DeserializeOwned>(object: &Value) -> T {
        serde_json::from_value(object.clone()).unwrap()
    }
    let mut volumes = Volumes::read();
    for object in objects {
        match object["kind"].as_str().unwrap() {
            "PersistentVolumeClaim" => volumes.add_claim(&typed(object)),
            "PersistentVolume" => volumes.add_volume(&typed(object)),
            "StorageClass" => volumes.add_storage_class(&typed(object)),
            "CSINode" => volumes.add_csi_node(&typed(object)),
            "VolumeAttachment" => volumes.add_attachment(&typed(object)),
            "CSIDriver" => volumes.add_driver(&typed(object)),
            other => panic!("{other} is no kind of object about volumes"),
        }
    }
    volumes
}

/// Claim `a/NAME`, bound to volume `pv-NAME`.
pub fn claim(name: &str, edit: Value) -> Value {
    let mut claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"namespace": "a", "name": name, "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {"volumeName": format!("pv-{name}"), "storageClassName": "fast"},
        "status": {"phase": "Bound"},
    });
    crate::build::merge(&mut claim, edit);
    claim
}

/// The volume of claim `a/NAME`, of driver ebs.csi.aws.com.
pub fn volume_of(name: &str, edit: Value) -> Value {
    let mut volume = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": format!("pv-{name}")},
        "spec": {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": name}, "storageClassName": "fast"},
        "status": {"phase": "Bound"},
    });
    crate::build::merge(&mut volume, edit);
    volume
}

pub fn pod_with_claim(key: &str, on: &str, claim: &str) -> Pod {
    use crate::build::PodBuild;
    crate::build::pod(key, on).volume(json!({"name": "data", "persistentVolumeClaim": {"claimName": claim}}))
}

/// What one rule answers for each node; nothing where it does not concern the pod.
pub fn answers(plugin: &str, cluster: &Cluster, pod: &str) -> Vec<String> {
    let scenario = drained(cluster);
    let rule = RULES.iter().find(|rule| rule.plugin == plugin).unwrap();
    let replacement = scenario.replacement(find(cluster, pod));
    let Some(filter) = (rule.filter)(&scenario, replacement) else { return Vec::new() };
    let shown = |node| match filter(node) {
        Answer::Passes => "passes".to_owned(),
        Answer::Fails(miss) => miss.to_string(),
        Answer::Unknown(why) => format!("unknown: {why}"),
    };
    scenario.nodes().map(shown).collect()
}
