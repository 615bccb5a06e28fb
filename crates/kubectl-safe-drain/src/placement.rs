//! Where the pods of a drain can be placed again, judged for all nodes of the drain together.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::feasibility::{
    Judgement, Miss, Scenario, Shortage, Shortfall, Verdict, judge, reasons, shortfalls,
};
use cluster_model::owner_graph::ControllerState;
use cluster_model::quantity;
use cluster_model::text::count;
use cluster_model::{Inventory, Known, PodExt};
use k8s_openapi::api::core::v1::Pod;

use crate::checks::recreation;
use crate::options::Options;
use crate::pod_filter::{PodFilter, pod_filter};

/// What becomes of the pod that its controller makes in place of one that is evicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub verdict: Verdict,
    /// How many nodes take it, at least while the others take no room.
    pub nodes: usize,
    /// Their names, where they are few.
    named: Vec<String>,
    /// Why the others do not, with their number.
    pub misses: Vec<(usize, Miss)>,
    /// The nodes that only one rule keeps it from, where no node takes it.
    pub one_rule_away: Vec<(usize, Miss)>,
    /// The nodes cannot take all pods like this one.
    pub shortage: Option<Shortage>,
}

/// So many nodes are named; of more there is the number.
const NAMED: usize = 2;

impl Place {
    /// `node-2, node-3`, `5 nodes`, or `no node`.
    pub fn shown(&self) -> String {
        match self.nodes {
            0 => "no node".to_owned(),
            n if n <= NAMED => self.named.join(", "),
            n => count(n, "node"),
        }
    }

    /// `3 nodes: cpu short by 250m`, `1 node: being drained`.
    pub fn reasons(&self) -> Vec<String> {
        reasons(&self.misses)
    }

    pub fn why_not(&self) -> String {
        match self.misses.as_slice() {
            [(_, Miss::Drained)] => "all nodes that could take it are being drained".to_owned(),
            _ => self.reasons().join("; "),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Placements {
    /// By the UID of the pod that is evicted; pods that no controller makes again are not in it.
    places: BTreeMap<String, Place>,
    /// Where pods of several kinds cannot all find a place.
    pub too_little: Vec<TooLittle>,
}

impl Placements {
    pub fn get(&self, uid: &str) -> Option<&Place> {
        self.places.get(uid)
    }
}

/// Nodes that have less than the pods request that can run only there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooLittle {
    pub pods: usize,
    pub nodes: usize,
    /// `cpu 4`, and what of it is left: `3500m`.
    pub requested: String,
    pub free: String,
}

/// Where the cluster is not known, each place is unknown for that reason.
pub fn placements(inventory: &Inventory, options: &Options) -> Placements {
    let leaves = |pod: &&Pod| !matches!(pod_filter(pod, inventory, options), PodFilter::Skip(_));
    let leaving: Vec<&Pod> = inventory.pods.iter().filter(leaves).collect();
    let is_recreated = |pod: &&&Pod| {
        // What is deleted already is being recreated already; a pod whose template names the node needs no scheduler.
        inventory.is_recreated(pod) && !pod.is_terminating() && !recreation(pod, inventory).is_certain()
    };
    let cluster = match &inventory.scheduling {
        Known::Seen(cluster) => cluster,
        Known::Unknown(why) => {
            let places =
                leaving.iter().filter(is_recreated).map(|pod| (pod.uid().to_owned(), not_known(why)));
            return Placements { places: places.collect(), too_little: Vec::new() };
        }
    };
    let found = cluster.find_pods(&leaving.iter().map(|pod| pod.uid()).collect());
    let recreated: BTreeMap<_, &str> = leaving
        .iter()
        .filter(is_recreated)
        .filter_map(|pod| Some((*found.get(pod.uid())?, pod.uid())))
        .collect();
    let drained: BTreeSet<_> = inventory
        .nodes
        .iter()
        .filter_map(|node| cluster.find_node(node.metadata.name.as_deref().unwrap_or_default()))
        .collect();
    let to_place: Vec<_> = recreated.keys().copied().collect();
    let has_gates = |pod: &&&Pod| {
        let controller = inventory.controller_of(pod);
        controller
            .is_some_and(|it| matches!(it.state, ControllerState::Exists(workload) if workload.has_gates))
    };
    let gated = leaving.iter().filter(has_gates).filter_map(|pod| found.get(pod.uid()).copied()).collect();
    let scenario = Scenario::new(cluster, drained, &found.values().copied().collect(), &to_place);
    let scenario = scenario.with_gates(gated);
    let judged = judge(&scenario);
    // Pods that wait already may be too many without this drain.
    let of_drain = |it: &Shortfall| it.pods.iter().any(|pod| recreated.contains_key(pod));
    let too_little = shortfalls(&scenario, &judged).into_iter().filter(of_drain).map(too_little).collect();
    let places = judged.into_iter().filter_map(|judgement| {
        let uid = recreated.get(&judgement.pod)?;
        Some(((*uid).to_owned(), place(&scenario, judgement)))
    });
    Placements { places: places.collect(), too_little }
}

fn not_known(why: &str) -> Place {
    Place {
        verdict: Verdict::Unknown(vec![why.to_owned()]),
        nodes: 0,
        named: Vec::new(),
        misses: Vec::new(),
        one_rule_away: Vec::new(),
        shortage: None,
    }
}

fn too_little(it: Shortfall) -> TooLittle {
    let amount = |amount| quantity::show(&it.resource, amount);
    TooLittle {
        pods: it.pods.len(),
        nodes: it.nodes.len(),
        requested: format!("{} {}", it.resource, amount(it.requested)),
        free: amount(it.free),
    }
}

fn place(scenario: &Scenario<'_>, judgement: Judgement) -> Place {
    let Judgement { verdict, nodes, misses, one_rule_away, shortage, .. } = judgement;
    let name = |node| scenario.node(node).name.to_string();
    let named = if nodes.len() > NAMED { Vec::new() } else { nodes.iter().map(|node| name(*node)).collect() };
    Place { verdict, nodes: nodes.len(), named, misses, one_rule_away, shortage }
}
