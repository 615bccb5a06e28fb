//! What the model says of each workload, from the objects that the API server has.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::feasibility::rule::Answer;
use cluster_model::feasibility::rules::RULES;
use cluster_model::feasibility::volumes::Volumes;
use cluster_model::feasibility::{Cluster, Judgement, Miss, NodeId, PodId, Scenario, Verdict, judge};
use k8s_openapi::serde::de::DeserializeOwned;
use serde_json::Value;

/// The room's objects and nobody else's.
#[derive(Default)]
pub struct Snapshot {
    pub nodes: Vec<Value>,
    pub pods: Vec<Value>,
    pub namespaces: Vec<Value>,
    pub claims: Vec<Value>,
    pub volumes: Vec<Value>,
    pub csi_nodes: Vec<Value>,
}

#[derive(Clone, Debug)]
pub struct Prediction {
    /// Pods of the workload that have to be placed.
    pub pods: usize,
    pub verdict: Verdict,
    pub misses: Vec<(usize, Miss)>,
    pub rules: Vec<RuleUse>,
}

/// What became of one rule that concerns the pod.
#[derive(Clone, Debug)]
pub struct RuleUse {
    pub plugin: &'static str,
    /// A node passes that is not drained.
    pub passes: bool,
    /// One of the nodes for which this rule is the first that fails.
    pub decides: Option<Miss>,
}

/// By workload, as in `NAMESPACE/APP`: its pods are alike, so they have one verdict.
pub type Predictions = BTreeMap<String, Prediction>;

pub fn predict(snapshot: &Snapshot, drained: &[String]) -> Predictions {
    let mut cluster = Cluster::default();
    typed(&snapshot.nodes).iter().for_each(|node| cluster.add_node(node));
    typed(&snapshot.pods).iter().for_each(|pod| cluster.add_pod(pod));
    typed(&snapshot.namespaces).iter().for_each(|namespace| cluster.add_namespace(namespace));
    let volumes = &mut cluster.volumes;
    *volumes = Volumes::read();
    typed(&snapshot.claims).iter().for_each(|claim| volumes.add_claim(claim));
    typed(&snapshot.volumes).iter().for_each(|volume| volumes.add_volume(volume));
    typed(&snapshot.csi_nodes).iter().for_each(|node| volumes.add_csi_node(node));
    cluster.finish();
    let drained: BTreeSet<NodeId> = drained.iter().map(|name| cluster.find_node(name).unwrap()).collect();
    let is_evicted = |pod: &PodId| cluster.pod(*pod).node.is_some_and(|node| drained.contains(&node));
    let evicted: BTreeSet<PodId> = cluster.pod_ids().filter(is_evicted).collect();
    let recreated: Vec<PodId> = evicted.iter().copied().collect();
    let scenario = Scenario::new(&cluster, drained, &evicted, &recreated);
    let mut predictions = Predictions::new();
    for Judgement { pod, verdict, misses, .. } in judge(&scenario) {
        let facts = cluster.pod(pod);
        let workload = format!("{}/{}", facts.namespace, facts.labels["app"]);
        let known = predictions.entry(workload.clone()).or_insert_with(|| Prediction {
            pods: 0,
            verdict: verdict.clone(),
            misses,
            rules: rules(&scenario, pod),
        });
        known.pods += 1;
        assert_eq!(known.verdict, verdict, "pods of {workload} are alike");
    }
    predictions
}

fn typed<T: DeserializeOwned>(objects: &[Value]) -> Vec<T> {
    objects.iter().map(|object| serde_json::from_value(object.clone()).unwrap()).collect()
}

fn rules<'a>(scenario: &'a Scenario<'a>, pod: PodId) -> Vec<RuleUse> {
    let replacement = scenario.replacement(pod);
    let mut undecided: BTreeSet<NodeId> = scenario.nodes().collect();
    let mut uses = Vec::new();
    for rule in RULES {
        let Some(filter) = (rule.filter)(scenario, replacement) else { continue };
        let (mut passes, mut decides) = (false, None);
        for node in scenario.nodes() {
            match filter(node) {
                Answer::Passes => passes |= !scenario.is_drained(node),
                Answer::Fails(miss) if undecided.remove(&node) => decides = Some(miss),
                Answer::Fails(_) | Answer::Unknown(_) => {}
            }
        }
        uses.push(RuleUse { plugin: rule.plugin, passes, decides });
    }
    uses
}
