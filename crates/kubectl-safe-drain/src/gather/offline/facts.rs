//! The first pass over a dump: all but the pods. Of each object only what a plan reads of it is kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cluster_model::feasibility::Cluster as Scheduling;
use cluster_model::feasibility::volumes::Volumes;
use cluster_model::inventory::Budgets;
use cluster_model::owner::{OwnerKey, Workload};
use cluster_model::webhook::Webhook;
use cluster_model::{DisruptionBudget, Known, NodeExt};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::{DaemonSet, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{
    Namespace, Node, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    PersistentVolumeSpec, ReplicationController, Service,
};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource};
use plugin_client::Failure;
use plugin_client::dump::{Dump, Duplicates, Entry, Object};
use serde::de::DeserializeOwned;

use super::header::{self, Header};
use super::kind::Kind;
use crate::gather::awaited::SELECTED_NODE;
use crate::gather::webhooks::{self, Candidate};

/// Which nodes are drained.
pub type IsDrained<'a> = dyn Fn(&Node) -> bool + 'a;

#[derive(Default)]
pub struct Facts {
    /// What our own snapshot says about itself.
    pub header: Option<Header>,
    /// There is at least one object of these kinds, or an empty list of them.
    pub seen: BTreeSet<Kind>,
    /// How many objects of kinds that no plan reads.
    pub skipped: BTreeMap<String, usize>,
    /// All nodes, as the scheduler reads them. Pods come in the second pass.
    pub scheduling: Scheduling,
    pub node_count: usize,
    pub drained: Vec<Node>,
    budgets: Vec<DisruptionBudget>,
    pub workloads: HashMap<OwnerKey, Workload>,
    /// By `namespace/name`.
    claims: HashMap<String, PersistentVolumeClaim>,
    /// By name.
    pub persistent_volumes: HashMap<String, PersistentVolume>,
    pub volumes: Volumes,
    /// By the name of the configuration.
    validating: BTreeMap<String, Vec<Candidate>>,
    mutating: BTreeMap<String, Vec<Candidate>>,
    /// The labels of the pods behind Services, by `namespace/name`.
    services: HashMap<String, BTreeMap<String, String>>,
    duplicates: Duplicates,
}

impl Facts {
    pub fn new() -> Self {
        Facts { volumes: Volumes::read(), ..Facts::default() }
    }

    pub fn add(&mut self, entry: &Entry<'_>, is_drained: &IsDrained<'_>) -> Result<(), Failure> {
        let object = match entry {
            Entry::List { api_version, kind } => {
                // Other groups have kinds of the same name.
                self.seen.extend(Kind::named(kind).filter(|it| it.api_version() == *api_version));
                return Ok(());
            }
            Entry::Object(object) => object,
        };
        if header::is_header(object) {
            if self.header.replace(object.parse()?).is_some() {
                return Err(object.bad("there are two snapshots in it").hint("name one of them"));
            }
            return Ok(());
        }
        if object.api_version.is_empty() {
            return Err(object.bad("it has no apiVersion, so it is no object of Kubernetes"));
        }
        let Some(kind) = Kind::of(object) else {
            *self.skipped.entry(object.kind.clone()).or_default() += 1;
            return Ok(());
        };
        self.seen.insert(kind);
        self.add_object(kind, object, is_drained)
    }

    fn add_object(
        &mut self,
        kind: Kind,
        object: &Object<'_>,
        is_drained: &IsDrained<'_>,
    ) -> Result<(), Failure> {
        match kind {
            // Of the second pass.
            Kind::Pod => {}
            Kind::Node => self.with(object, |it, node: Node| it.add_node(node, is_drained))?,
            Kind::PodDisruptionBudget => self.with(object, |it, budget: PodDisruptionBudget| {
                it.budgets.push(budget.into());
            })?,
            Kind::ReplicaSet => self.workload::<ReplicaSet>(object)?,
            Kind::StatefulSet => self.workload::<StatefulSet>(object)?,
            Kind::DaemonSet => self.workload::<DaemonSet>(object)?,
            Kind::Job => self.workload::<Job>(object)?,
            Kind::ReplicationController => self.workload::<ReplicationController>(object)?,
            Kind::PersistentVolumeClaim => self.with(object, Facts::add_claim)?,
            Kind::PersistentVolume => self.with(object, Facts::add_persistent_volume)?,
            Kind::StorageClass => {
                self.with(object, |it, class: StorageClass| it.volumes.add_storage_class(&class))?;
            }
            Kind::CSINode => self.with(object, |it, node: CSINode| it.volumes.add_csi_node(&node))?,
            Kind::CSIDriver => {
                self.with(object, |it, driver: CSIDriver| it.volumes.add_driver(&driver))?;
            }
            Kind::VolumeAttachment => self.with(object, |it, attachment: VolumeAttachment| {
                it.volumes.add_attachment(&attachment);
            })?,
            Kind::Namespace => self.with(object, |it, namespace: Namespace| {
                it.scheduling.add_namespace(&namespace);
            })?,
            Kind::ValidatingWebhookConfiguration => {
                self.with(object, |it, config: ValidatingWebhookConfiguration| {
                    let name = config.metadata.name.clone().unwrap_or_default();
                    webhooks::of_validating(it.validating.entry(name).or_default(), config);
                })?;
            }
            Kind::MutatingWebhookConfiguration => {
                self.with(object, |it, config: MutatingWebhookConfiguration| {
                    let name = config.metadata.name.clone().unwrap_or_default();
                    webhooks::of_mutating(it.mutating.entry(name).or_default(), config);
                })?;
            }
            Kind::Service => self.with(object, Facts::add_service)?,
        }
        Ok(())
    }

    /// Parses it, and adds it if it was not there before.
    fn with<K>(&mut self, object: &Object<'_>, add: impl FnOnce(&mut Self, K)) -> Result<(), Failure>
    where
        K: DeserializeOwned + Metadata<Ty = ObjectMeta>,
    {
        let parsed: K = object.parse()?;
        if self.duplicates.is_new(parsed.metadata(), object)? {
            add(self, parsed);
        }
        Ok(())
    }

    fn workload<K>(&mut self, object: &Object<'_>) -> Result<(), Failure>
    where
        K: DeserializeOwned + Resource + Metadata<Ty = ObjectMeta> + Into<Workload>,
    {
        self.with(object, |it, found: K| {
            let metadata = found.metadata();
            let key = OwnerKey {
                api_version: K::API_VERSION.to_owned(),
                kind: K::KIND.to_owned(),
                namespace: metadata.namespace.clone().unwrap_or_default(),
                name: metadata.name.clone().unwrap_or_default(),
                uid: metadata.uid.clone().unwrap_or_default(),
            };
            it.workloads.insert(key, found.into());
        })
    }

    fn add_node(&mut self, node: Node, is_drained: &IsDrained<'_>) {
        self.node_count += 1;
        self.scheduling.add_node(&node);
        if is_drained(&node) {
            self.drained.push(node.without_images_and_volumes());
        }
    }

    /// For the scheduler, and what else is read of a claim.
    fn add_claim(&mut self, claim: PersistentVolumeClaim) {
        self.volumes.add_claim(&claim);
        let key = key(&claim.metadata);
        let mut annotations = claim.metadata.annotations.unwrap_or_default();
        annotations.retain(|key, _| key == SELECTED_NODE);
        let metadata = ObjectMeta { annotations: Some(annotations), ..ObjectMeta::default() };
        let spec = claim.spec.map(|spec| PersistentVolumeClaimSpec {
            volume_name: spec.volume_name,
            ..PersistentVolumeClaimSpec::default()
        });
        self.claims.insert(key, PersistentVolumeClaim { metadata, spec, status: None });
    }

    /// The same of a volume: whether its data is on one node.
    fn add_persistent_volume(&mut self, volume: PersistentVolume) {
        self.volumes.add_volume(&volume);
        let spec = volume.spec.map(|spec| PersistentVolumeSpec {
            local: spec.local,
            host_path: spec.host_path,
            ..PersistentVolumeSpec::default()
        });
        let metadata = ObjectMeta { name: volume.metadata.name.clone(), ..ObjectMeta::default() };
        let kept = PersistentVolume { metadata, spec, status: None };
        self.persistent_volumes.insert(volume.metadata.name.unwrap_or_default(), kept);
    }

    fn add_service(&mut self, service: Service) {
        let key = key(&service.metadata);
        if let Some(labels) = webhooks::pods_behind(service) {
            self.services.insert(key, labels);
        }
    }
}

impl Facts {
    /// Why a kind is not known; `None` if it is.
    pub fn missing(&self, kind: Kind, dump: &Dump) -> Option<String> {
        let plural = kind.plural();
        if self.seen.contains(&kind) {
            return None;
        }
        let Some(header) = &self.header else { return Some(format!("{plural} are not in {}", dump.name())) };
        if header.listed.iter().any(|listed| listed == plural) {
            return None;
        }
        let reason = header.missing.get(plural).map_or("not listed", String::as_str);
        Some(format!("{plural} are not in {}: {reason}", dump.name()))
    }

    pub fn known<T>(&self, kind: Kind, dump: &Dump, of_dump: Known<T>) -> Known<T> {
        self.missing(kind, dump).map_or(of_dump, Known::Unknown)
    }

    /// In the order in which the API server lists them.
    pub fn take_budgets(&mut self) -> Budgets {
        let mut budgets = std::mem::take(&mut self.budgets);
        budgets.sort_by(|a, b| a.key().cmp(b.key()));
        budgets.into()
    }

    pub fn claim(&self, namespace: &str, name: &str) -> Option<&PersistentVolumeClaim> {
        self.claims.get(&format!("{namespace}/{name}"))
    }

    /// The labels of the pods behind each Service that a webhook needs.
    pub fn webhook_services(&self) -> BTreeMap<String, &BTreeMap<String, String>> {
        let candidates = self.validating.values().chain(self.mutating.values()).flatten();
        let keys = candidates.map(Candidate::service_key);
        keys.filter_map(|key| Some((key.clone(), self.services.get(&key)?))).collect()
    }

    /// `backends`: the keys and UIDs of Ready pods by the key of their Service.
    pub fn webhooks(
        self,
        dump: &Dump,
        backends: &BTreeMap<String, Vec<(String, String)>>,
    ) -> Known<Vec<Webhook>> {
        let of = [Kind::ValidatingWebhookConfiguration, Kind::MutatingWebhookConfiguration];
        let no_services = self.missing(Kind::Service, dump);
        if let Some(reason) = of.into_iter().find_map(|kind| self.missing(kind, dump)) {
            return Known::Unknown(reason);
        }
        let Facts { validating, mutating, services, .. } = self;
        let candidates = validating.into_values().chain(mutating.into_values()).flatten();
        let mut webhooks = Vec::new();
        for candidate in candidates {
            if let Some(reason) = no_services {
                return Known::Unknown(reason);
            }
            let key = candidate.service_key();
            if services.contains_key(&key) {
                let mut pods = backends.get(&key).cloned().unwrap_or_default();
                pods.sort();
                webhooks.push(candidate.with(pods.into_iter().map(|(_, uid)| uid).collect()));
            }
        }
        Known::Seen(webhooks)
    }
}

fn key(metadata: &ObjectMeta) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{}/{}", text(&metadata.namespace), text(&metadata.name))
}
