//! One pass over a dump: of each object what is kept of it in a live run too.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::feasibility::volumes::Volumes;
use cluster_model::{NodeExt, Raw};
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use plugin_client::Failure;
use plugin_client::dump::{Duplicates, Entry, Object};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::keys::Keys;
use super::kind::Kind;
use crate::gather::HEALERS;
use crate::gather::pods::Pods;
use crate::snapshot::{Packed, Read, strip};

pub struct Files {
    /// There is at least one object of these kinds, or an empty list of them.
    pub seen: BTreeSet<Kind>,
    /// How many objects of other kinds there are.
    pub skipped: BTreeMap<String, usize>,
    pub pods: Pods,
    pub pod_count: usize,
    pub nodes: Vec<Node>,
    pub objects: BTreeMap<Read, Vec<Packed>>,
    pub namespaces: Vec<Namespace>,
    pub volumes: Volumes,
    duplicates: Duplicates,
    namespace: Option<String>,
    needed: BTreeSet<Read>,
}

impl Files {
    /// `namespace`: of the workloads in question; `None` is all. `needed`: the kinds that the checks read.
    pub fn new(namespace: Option<&str>, needed: &BTreeSet<Read>) -> Self {
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
            needed: needed.clone(),
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
            return self.skip(object);
        };
        if matches!(kind, Kind::Read(read) if !self.is_needed(read)) {
            return self.skip(object);
        }
        self.seen.insert(kind);
        match kind {
            Kind::Read(Read::Pods) => self.with(object, |it, pod: Pod| {
                it.pod_count += 1;
                it.pods.add(&pod, it.namespace.as_deref());
            }),
            Kind::Read(Read::Nodes) => {
                self.with(object, |it, node: Node| it.nodes.push(node.without_volumes()))
            }
            Kind::Read(read @ (Read::ConfigMaps | Read::Secrets)) => self.keys(read, object),
            Kind::Read(read) => self.raw(read, object),
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

    fn skip(&mut self, object: &Object<'_>) -> Result<(), Failure> {
        *self.skipped.entry(object.kind.clone()).or_default() += 1;
        Ok(())
    }

    /// By a check, or by the scheduler's model.
    fn is_needed(&self, read: Read) -> bool {
        self.needed.contains(&read)
            || matches!(read, Read::Pods | Read::Nodes | Read::Namespaces | Read::Claims | Read::Volumes)
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

    fn keys(&mut self, read: Read, object: &Object<'_>) -> Result<(), Failure> {
        let found: Keys = object.parse()?;
        let is_new = self.duplicates.is_new(&found.metadata, object)?;
        if is_new && self.is_in_question(found.metadata.namespace.as_deref()) {
            self.objects.entry(read).or_default().push(Packed::of(read, &found.kept(read)));
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
            Read::Namespaces => self.is_in_question(Some(value.name())),
            // Those of Services behind webhooks are chosen when all webhooks are known.
            Read::EndpointSlices => true,
            _ => read.is_cluster_wide() || self.is_in_question(Some(namespace)),
        };
        self.for_scheduling(read, object, &value)?;
        if is_wanted {
            // The items of a list of one kind do not say what they are.
            value["kind"] = read.api().0.into();
            strip::object(&mut value);
            // Nothing is left of an Event that is not read.
            if !value.is_null() {
                self.objects.entry(read).or_default().push(Packed::of(read, &value));
            }
        }
        Ok(())
    }

    /// Of all namespaces.
    fn for_scheduling(&mut self, read: Read, object: &Object<'_>, value: &Value) -> Result<(), Failure> {
        fn typed<K: DeserializeOwned>(object: &Object<'_>, value: &Value) -> Result<K, Failure> {
            serde_json::from_value(value.clone()).map_err(|error| object.bad(&error.to_string()))
        }
        match read {
            Read::Namespaces => self.namespaces.push(typed(object, value)?),
            Read::Claims => self.volumes.add_claim(&typed(object, value)?),
            Read::Volumes => self.volumes.add_volume(&typed(object, value)?),
            _ => {}
        }
        Ok(())
    }

    fn is_in_question(&self, namespace: Option<&str>) -> bool {
        self.namespace.as_deref().is_none_or(|own| namespace == Some(own))
    }
}
