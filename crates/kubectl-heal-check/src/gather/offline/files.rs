//! One pass over a dump: of each object what is kept of it in a live run too.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::feasibility::volumes::Volumes;
use cluster_model::{NodeExt, Raw};
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use plugin_client::Failure;
use plugin_client::dump::{Duplicates, Entry, Object};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::kind::Kind;
use crate::gather::HEALERS;
use crate::gather::pods::Pods;
use crate::snapshot::{Read, strip};

pub struct Files {
    /// There is at least one object of these kinds, or an empty list of them.
    pub seen: BTreeSet<Kind>,
    /// How many objects of other kinds there are.
    pub skipped: BTreeMap<String, usize>,
    pub pods: Pods,
    pub pod_count: usize,
    pub nodes: Vec<Node>,
    pub objects: BTreeMap<Read, Vec<Value>>,
    pub namespaces: Vec<Namespace>,
    pub volumes: Volumes,
    duplicates: Duplicates,
    namespace: Option<String>,
}

impl Files {
    /// `namespace`: of the workloads in question; `None` is all.
    pub fn new(namespace: Option<&str>) -> Self {
        Files {
            seen: BTreeSet::new(),
            skipped: BTreeMap::new(),
            pods: Pods::default(),
            pod_count: 0,
            nodes: Vec::new(),
            objects: BTreeMap::new(),
            namespaces: Vec::new(),
            volumes: Volumes::read(),
            duplicates: Duplicates::default(),
            namespace: namespace.map(str::to_owned),
        }
    }

    pub fn add(&mut self, entry: &Entry<'_>) -> Result<(), Failure> {
        let object = match entry {
            Entry::List { api_version, kind } => {
                self.seen.extend(Kind::of(api_version, kind));
                return Ok(());
            }
            Entry::Object(object) => object,
        };
        if object.api_version.is_empty() {
            return Err(object.bad("it has no apiVersion, so it is no object of Kubernetes"));
        }
        if object.kind == "ClusterSnapshot" && object.api_version.starts_with("safe-drain/") {
            return Err(object
                .bad("it is a snapshot of kubectl safe-drain, which leaves out most of what is checked here")
                .hint("write a dump as docs/heal-check.md shows"));
        }
        let Some(kind) = Kind::of(&object.api_version, &object.kind) else {
            *self.skipped.entry(object.kind.clone()).or_default() += 1;
            return Ok(());
        };
        self.seen.insert(kind);
        match kind {
            Kind::Read(Read::Pods) => self.with(object, |it, pod: Pod| {
                it.pod_count += 1;
                it.pods.add(&pod, it.namespace.as_deref());
            }),
            Kind::Read(Read::Nodes) => {
                self.with(object, |it, node: Node| it.nodes.push(node.without_images_and_volumes()))
            }
            Kind::Read(read) => self.raw(read, object),
            Kind::Namespace => self.with(object, |it, namespace| it.namespaces.push(namespace)),
            Kind::PersistentVolumeClaim => {
                self.with(object, |it, claim: PersistentVolumeClaim| it.volumes.add_claim(&claim))
            }
            Kind::PersistentVolume => {
                self.with(object, |it, volume: PersistentVolume| it.volumes.add_volume(&volume))
            }
            Kind::StorageClass => {
                self.with(object, |it, class: StorageClass| it.volumes.add_storage_class(&class))
            }
            Kind::CSINode => self.with(object, |it, node: CSINode| it.volumes.add_csi_node(&node)),
            Kind::CSIDriver => self.with(object, |it, driver: CSIDriver| it.volumes.add_driver(&driver)),
            Kind::VolumeAttachment => {
                self.with(object, |it, found: VolumeAttachment| it.volumes.add_attachment(&found))
            }
        }
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

    fn raw(&mut self, read: Read, object: &Object<'_>) -> Result<(), Failure> {
        let mut value: Value = object.parse()?;
        let metadata = serde_json::from_value::<ObjectMeta>(value["metadata"].clone());
        let metadata = metadata.map_err(|error| object.bad(&error.to_string()))?;
        if !self.duplicates.is_new(&metadata, object)? {
            return Ok(());
        }
        let namespace = value.text("/metadata/namespace");
        let is_wanted = match read {
            Read::Leases => namespace == "kube-system" && HEALERS.contains(&value.name()),
            _ => self.namespace.as_deref().is_none_or(|own| own == namespace),
        };
        if is_wanted {
            // The items of a list of one kind do not say what they are.
            value["kind"] = read.api().0.into();
            strip::object(&mut value);
            self.objects.entry(read).or_default().push(value);
        }
        Ok(())
    }
}
