//! The second pass over a dump: the pods. Those of the nodes that are drained are kept, of all others what the scheduler reads.

use std::collections::{BTreeMap, HashMap};

use cluster_model::feasibility::Cluster as Scheduling;
use cluster_model::{DisruptionBudget, PodExt, selector};
use k8s_openapi::api::core::v1::Pod;
use kube::core::Selector;
use plugin_client::Failure;
use plugin_client::dump::{Duplicates, Entry};

use super::kind::Kind;
use crate::gather::awaited::may_wait_for_volume;
use crate::gather::budget_members::is_not_ready;
use crate::gather::node::metadata_only;
use crate::gather::scope::strip_pod;
use crate::gather::webhooks::is_backend;

/// What decides which pods are kept.
pub struct Wanted<'a> {
    /// The names of the nodes that are drained.
    pub nodes: &'a [String],
    /// `--pod-selector`
    pub selector: Option<&'a Selector>,
    /// Budgets that allow nothing now, by namespace.
    pub spent: HashMap<&'a str, Vec<&'a DisruptionBudget>>,
    /// The labels of the pods behind Services of webhooks, by `namespace/name`.
    pub services: BTreeMap<String, &'a BTreeMap<String, String>>,
}

pub struct Found {
    pub scheduling: Scheduling,
    pub count: usize,
    /// On the nodes, in the order of their names.
    pub selected: Vec<Pod>,
    pub unselected: Vec<Pod>,
    /// Pods with claims that no node has yet.
    pub unbound: Vec<Pod>,
    /// By the key of the budget.
    pub not_ready: BTreeMap<String, Vec<Pod>>,
    /// The keys and UIDs of Ready pods, by the key of the Service.
    pub backends: BTreeMap<String, Vec<(String, String)>>,
    duplicates: Duplicates,
}

impl Found {
    pub fn new(scheduling: Scheduling) -> Self {
        Found {
            scheduling,
            count: 0,
            selected: Vec::new(),
            unselected: Vec::new(),
            unbound: Vec::new(),
            not_ready: BTreeMap::new(),
            backends: BTreeMap::new(),
            duplicates: Duplicates::default(),
        }
    }

    pub fn add(&mut self, entry: &Entry<'_>, wanted: &Wanted<'_>) -> Result<(), Failure> {
        let Entry::Object(object) = entry else { return Ok(()) };
        if Kind::of(object) != Some(Kind::Pod) {
            return Ok(());
        }
        let pod: Pod = object.parse()?;
        if !self.duplicates.is_new(&pod.metadata, object)? {
            return Ok(());
        }
        self.count += 1;
        self.scheduling.add_pod(&pod);
        for budget in wanted.spent.get(pod.namespace()).into_iter().flatten() {
            if is_not_ready(&pod) && budget.selects(&pod) {
                self.not_ready.entry(budget.key().to_owned()).or_default().push(strip_pod(pod.clone()));
            }
        }
        for (key, labels) in &wanted.services {
            let namespace = key.split_once('/').map(|(namespace, _)| namespace);
            let has_all = || {
                let own = pod.metadata.labels.as_ref();
                labels.iter().all(|(key, value)| own.and_then(|own| own.get(key)) == Some(value))
            };
            if namespace == Some(pod.namespace()) && has_all() && is_backend(&pod) {
                self.backends.entry(key.clone()).or_default().push((pod.key(), pod.uid().to_owned()));
            }
        }
        let labels = pod.metadata.labels.as_ref();
        let is_selected = wanted.selector.is_none_or(|query| selector::selects(Some(query), labels));
        if wanted.nodes.iter().any(|name| name == pod.node()) {
            match is_selected {
                true => self.selected.push(strip_pod(pod)),
                false => {
                    let node = pod.node().to_owned();
                    self.unselected.push(metadata_only(pod.metadata, &node));
                }
            }
        } else if pod.node().is_empty() && is_selected && may_wait_for_volume(&pod) {
            self.unbound.push(strip_pod(pod));
        }
        Ok(())
    }
}
