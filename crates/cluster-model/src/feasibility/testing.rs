//! A cluster from objects, and what a rule answers in it. In these tests the first node is drained.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Pod};

use super::cluster::{Cluster, NodeId, PodId};
use super::rules::{Answer, RULES};
use super::scenario::Scenario;
use super::verdict::{Verdict, judge};

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

/// Of the pods to be placed when the first node is drained.
pub fn verdicts(nodes: Vec<Node>, pods: Vec<Pod>) -> Vec<Verdict> {
    judge(&drained(&cluster(nodes, pods))).into_iter().map(|it| it.verdict).collect()
}

pub fn find(cluster: &Cluster, key: &str) -> PodId {
    let is_it = |id: &PodId| {
        let pod = cluster.pod(*id);
        format!("{}/{}", pod.namespace, pod.name) == key
    };
    cluster.pod_ids().find(is_it).unwrap()
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
