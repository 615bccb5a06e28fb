//! What the filters read of a cluster, filled page by page from a live cluster or from a file. Of a pod only this is kept: pods of one
//! template share their labels and requirements.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use k8s_openapi::api::core::v1::{Namespace, Node, Pod};

use super::node::{Labels, NodeFacts, REGION, ZONE};
use super::occupancy::Occupancy;
pub use super::pod_facts::{NodeId, PodFacts, PodId};
use super::requirements::Requirements;
use super::volumes::Volumes;
use crate::pod::resources::occupied;
use crate::{Known, PodExt};

#[derive(Clone, Debug)]
pub struct Cluster {
    nodes: Vec<NodeFacts>,
    node_ids: HashMap<Arc<str>, NodeId>,
    pods: Vec<PodFacts>,
    /// Pods that came before their node, by its name.
    waiting: Vec<(PodId, String)>,
    /// Nodes that pods name and that are not there.
    pub missing_nodes: BTreeSet<String>,
    pub namespaces: Known<BTreeMap<String, Labels>>,
    pub volumes: Volumes,
    texts: HashMap<Box<str>, Arc<str>>,
    labels: HashMap<Labels, Arc<Labels>>,
    requirements: HashMap<Box<str>, Arc<Requirements>>,
    /// Computed when a scenario asks first.
    occupancy: OnceLock<Occupancy>,
}

impl Default for Cluster {
    fn default() -> Self {
        Cluster {
            nodes: Vec::new(),
            node_ids: HashMap::new(),
            pods: Vec::new(),
            waiting: Vec::new(),
            missing_nodes: BTreeSet::new(),
            namespaces: Known::Seen(BTreeMap::new()),
            volumes: Volumes::default(),
            texts: HashMap::new(),
            labels: HashMap::new(),
            requirements: HashMap::new(),
            occupancy: OnceLock::new(),
        }
    }
}

impl Cluster {
    pub fn node(&self, id: NodeId) -> &NodeFacts {
        &self.nodes[id.0 as usize]
    }

    pub fn pod(&self, id: PodId) -> &PodFacts {
        &self.pods[id.0 as usize]
    }

    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    pub fn pod_count(&self) -> usize {
        self.pods.len()
    }

    pub fn pod_ids(&self) -> impl Iterator<Item = PodId> + use<> {
        (0..u32::try_from(self.pods.len()).unwrap_or(u32::MAX)).map(PodId)
    }

    pub fn nodes(&self) -> &[NodeFacts] {
        &self.nodes
    }

    pub fn occupancy(&self) -> &Occupancy {
        self.occupancy.get_or_init(|| Occupancy::of(&self.pods, &self.nodes))
    }

    pub fn find_node(&self, name: &str) -> Option<NodeId> {
        self.node_ids.get(name).copied()
    }

    /// Does a term of pod affinity select namespaces by their labels?
    pub fn selects_namespaces(&self) -> bool {
        self.pods.iter().any(|pod| pod.requirements.selects_namespaces())
    }

    /// Those of these pods that are here, by UID.
    pub fn find_pods(&self, uids: &BTreeSet<&str>) -> BTreeMap<&str, PodId> {
        let pods = self.pod_ids().map(|id| (&*self.pod(id).uid, id));
        pods.filter(|(uid, _)| uids.contains(uid)).collect()
    }

    pub fn add_node(&mut self, node: &Node) {
        self.occupancy.take();
        let facts = NodeFacts::from(node);
        let name = facts.name.clone();
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(facts);
        self.node_ids.insert(name, id);
    }

    /// Finished pods take no room and are left out, as the scheduler's cache leaves them out.
    pub fn add_pod(&mut self, pod: &Pod) {
        if pod.is_finished() {
            return;
        }
        self.occupancy.take();
        let key = Requirements::key(pod);
        let requirements = match self.requirements.get(key.as_str()) {
            Some(known) => known.clone(),
            None => {
                let new = Arc::new(Requirements::of(pod));
                self.requirements.insert(key.into(), new.clone());
                new
            }
        };
        let id = PodId(u32::try_from(self.pods.len()).unwrap_or(u32::MAX));
        let node = self.find_node(pod.node());
        if node.is_none() && !pod.node().is_empty() {
            self.waiting.push((id, pod.node().to_owned()));
        }
        let facts = PodFacts {
            namespace: self.text(pod.namespace()),
            name: pod.name().into(),
            uid: pod.uid().into(),
            node,
            labels: self.labels(pod.metadata.labels.as_ref()),
            template_labels: self.labels(template_labels(pod).as_ref()),
            occupies: occupied(pod, &requirements.requests).map(Arc::new),
            requirements,
            is_terminating: pod.is_terminating(),
        };
        self.pods.push(facts);
    }

    pub fn add_namespace(&mut self, namespace: &Namespace) {
        if let Known::Seen(all) = &mut self.namespaces {
            let name = namespace.metadata.name.clone().unwrap_or_default();
            all.insert(name, namespace.metadata.labels.clone().unwrap_or_default());
        }
    }

    /// After the last node and pod: pods that came before their node find it. One whose node is not there takes no room, and needs none:
    /// it is deleted soon (`pkg/controller/podgc`, gcOrphaned).
    pub fn finish(&mut self) {
        self.occupancy.take();
        for (id, name) in std::mem::take(&mut self.waiting) {
            let node = self.find_node(&name);
            let pod = &mut self.pods[id.0 as usize];
            pod.node = node;
            if node.is_none() {
                pod.is_terminating = true;
                self.missing_nodes.insert(name);
            }
        }
        (self.texts, self.labels, self.requirements) = Default::default();
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.texts.insert(text.into(), new.clone());
        new
    }

    fn labels(&mut self, labels: Option<&Labels>) -> Arc<Labels> {
        let empty = Labels::new();
        let labels = labels.unwrap_or(&empty);
        if let Some(known) = self.labels.get(labels) {
            return known.clone();
        }
        let new = Arc::new(labels.clone());
        self.labels.insert(labels.clone(), new.clone());
        new
    }
}

fn template_labels(pod: &Pod) -> Option<Labels> {
    let mut labels = pod.metadata.labels.clone()?;
    if !pod.node().is_empty() {
        labels.retain(|key, _| ![ZONE, REGION].contains(&key.as_str()));
    }
    Some(labels)
}
