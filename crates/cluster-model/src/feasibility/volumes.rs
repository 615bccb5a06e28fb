//! Claims, volumes and what attaches them, as far as the filters for volumes read them.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::{
    NodeSelectorTerm, PersistentVolume, PersistentVolumeClaim, TopologySelectorTerm,
};
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, StorageClass, VolumeAttachment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::in_tree;
use super::in_tree::Plugin;
use super::node::{Labels, NodeFacts, TOPOLOGY_LABELS, selects};
use crate::Known;

/// Objects of one kind, by name.
pub type ByName<T> = Known<HashMap<Box<str>, T>>;

/// Each kind was read, or it is unknown why it could not be. Until something is read, all are unknown: "no such claim" is a reason for
/// which no node takes a pod. Start with [`Volumes::read`], add the objects, and replace what could not be read.
#[derive(Clone, Debug)]
pub struct Volumes {
    /// By namespace and name.
    pub claims: ByName<HashMap<Box<str>, Claim>>,
    pub persistent_volumes: ByName<PersistentVolumeFacts>,
    pub classes: ByName<Class>,
    pub csi_nodes: ByName<CsiNode>,
    /// By the name of their node.
    pub attachments: ByName<Vec<Attachment>>,
    pub drivers: ByName<Driver>,
}

#[derive(Clone, Debug)]
pub struct Claim {
    /// `spec.volumeName`.
    pub volume: Option<Box<str>>,
    /// The PV controller has completed the binding; without that the scheduler takes the claim as unbound.
    pub is_bound: bool,
    pub has_lost_its_volume: bool,
    pub is_terminating: bool,
    /// The empty text: none.
    pub class: Box<str>,
    /// A volume is being provisioned for a pod on some node.
    pub is_being_provisioned: bool,
    /// ReadWriteOncePod.
    pub is_for_one_pod: bool,
}

#[derive(Clone, Debug)]
pub struct PersistentVolumeFacts {
    /// `None`: any node.
    pub affinity: Option<Vec<NodeSelectorTerm>>,
    /// Its labels for zones and regions, each with the values that it allows.
    pub zones: Vec<(&'static str, Vec<Box<str>>)>,
    pub source: Source,
    pub class: Box<str>,
    /// It can be attached to one node at a time (`pkg/volume/util/util.go`, IsMultiAttachAllowed).
    pub is_for_one_node: bool,
    /// It is not bound, or will not be for long.
    pub may_become_free: bool,
}

#[derive(Clone, Debug)]
pub enum Source {
    Csi {
        driver: Box<str>,
        handle: Box<str>,
    },
    /// A type of volume that a CSI driver has taken over.
    InTree {
        plugin: &'static Plugin,
        /// The affinity that counts on nodes where the CSI driver has taken over.
        migrated_affinity: Option<Vec<NodeSelectorTerm>>,
    },
    Other,
}

#[derive(Clone, Debug)]
pub struct Class {
    /// `None`: it provisions nothing.
    pub provisioner: Option<Box<str>>,
    /// `WaitForFirstConsumer`.
    pub waits_for_pod: bool,
    pub allowed_topologies: Vec<TopologySelectorTerm>,
    pub is_default: bool,
}

#[derive(Clone, Debug, Default)]
pub struct CsiNode {
    /// How many volumes a driver can attach to the node; a driver that is not in it has no limit.
    pub limits: Vec<(Box<str>, i64)>,
    pub drivers: Vec<Box<str>>,
    /// The in-tree plugins whose volumes CSI drivers handle on this node.
    pub migrated: Vec<Box<str>>,
}

#[derive(Clone, Debug)]
pub struct Attachment {
    pub driver: Box<str>,
    pub volume: Box<str>,
}

#[derive(Clone, Copy, Debug)]
pub struct Driver {
    pub tracks_capacity: bool,
    /// Pods with its volumes need a node on which it is registered.
    pub must_be_on_node: bool,
}

/// An object of a kind that may not have been read.
#[derive(Debug)]
pub enum Lookup<'a, T> {
    Found(&'a T),
    Missing,
    /// Why the kind could not be read.
    Unknown(&'a str),
}

impl<'a, T> Lookup<'a, T> {
    fn new(all: &'a ByName<T>, name: &str) -> Self {
        match all {
            Known::Unknown(why) => Lookup::Unknown(why),
            Known::Seen(all) => all.get(name).map_or(Lookup::Missing, Lookup::Found),
        }
    }

    pub fn found(self) -> Option<&'a T> {
        match self {
            Lookup::Found(object) => Some(object),
            Lookup::Missing | Lookup::Unknown(_) => None,
        }
    }
}

impl Default for Volumes {
    fn default() -> Self {
        let not_read = |kind: &str| format!("{kind} were not read");
        Volumes {
            claims: Known::Unknown(not_read("PersistentVolumeClaims")),
            persistent_volumes: Known::Unknown(not_read("PersistentVolumes")),
            classes: Known::Unknown(not_read("StorageClasses")),
            csi_nodes: Known::Unknown(not_read("CSINodes")),
            attachments: Known::Unknown(not_read("VolumeAttachments")),
            drivers: Known::Unknown(not_read("CSIDrivers")),
        }
    }
}

impl Volumes {
    /// All kinds were read; what there is has to be added.
    pub fn read() -> Self {
        Volumes {
            claims: Known::Seen(HashMap::new()),
            persistent_volumes: Known::Seen(HashMap::new()),
            classes: Known::Seen(HashMap::new()),
            csi_nodes: Known::Seen(HashMap::new()),
            attachments: Known::Seen(HashMap::new()),
            drivers: Known::Seen(HashMap::new()),
        }
    }

    /// Annotations have to be there: the binding is recorded in one.
    pub fn add_claim(&mut self, claim: &PersistentVolumeClaim) {
        let Known::Seen(all) = &mut self.claims else { return };
        let metadata = &claim.metadata;
        let spec = claim.spec.as_ref();
        let volume = spec.and_then(|it| it.volume_name.as_deref()).filter(|name| !name.is_empty());
        let class = spec.and_then(|it| it.storage_class_name.as_deref());
        let modes = spec.and_then(|it| it.access_modes.as_deref()).unwrap_or_default();
        let phase = claim.status.as_ref().and_then(|it| it.phase.as_deref());
        let facts = Claim {
            volume: volume.map(Into::into),
            is_bound: volume.is_some() && annotation(metadata, BIND_COMPLETED).is_some(),
            has_lost_its_volume: phase == Some("Lost"),
            is_terminating: metadata.deletion_timestamp.is_some(),
            class: annotation(metadata, BETA_CLASS).or(class).unwrap_or_default().into(),
            is_being_provisioned: annotation(metadata, SELECTED_NODE).is_some(),
            is_for_one_pod: modes.iter().any(|mode| mode == "ReadWriteOncePod"),
        };
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        all.entry(namespace.into()).or_default().insert(name(metadata).into(), facts);
    }

    pub fn add_volume(&mut self, volume: &PersistentVolume) {
        let Known::Seen(all) = &mut self.persistent_volumes else { return };
        let metadata = &volume.metadata;
        let spec = volume.spec.clone().unwrap_or_default();
        let phase = volume.status.as_ref().and_then(|it| it.phase.as_deref());
        let is_recycled = spec.persistent_volume_reclaim_policy.as_deref() == Some("Recycle");
        let class = annotation(metadata, BETA_CLASS).or(spec.storage_class_name.as_deref());
        let modes = spec.access_modes.as_deref().unwrap_or_default();
        let is_for_many = |mode: &String| mode == "ReadWriteMany" || mode == "ReadOnlyMany";
        let labels = metadata.labels.clone().unwrap_or_default();
        let affinity = affinity(volume);
        let source = match (&spec.csi, in_tree::plugin_of_volume(&spec)) {
            (Some(csi), _) => {
                Source::Csi { driver: csi.driver.as_str().into(), handle: csi.volume_handle.as_str().into() }
            }
            (None, Some(plugin)) => {
                Source::InTree { plugin, migrated_affinity: plugin.migrated(affinity.clone(), &labels) }
            }
            (None, None) => Source::Other,
        };
        let facts = PersistentVolumeFacts {
            affinity,
            zones: zones(&labels),
            source,
            class: class.unwrap_or_default().into(),
            is_for_one_node: !modes.is_empty() && !modes.iter().any(is_for_many),
            may_become_free: phase != Some("Bound") || is_recycled,
        };
        all.insert(name(metadata).into(), facts);
    }

    pub fn add_storage_class(&mut self, class: &StorageClass) {
        let Known::Seen(all) = &mut self.classes else { return };
        let is_true = |key: &str| annotation(&class.metadata, key) == Some("true");
        let facts = Class {
            provisioner: (!matches!(class.provisioner.as_str(), "" | NO_PROVISIONER))
                .then(|| class.provisioner.as_str().into()),
            waits_for_pod: class.volume_binding_mode.as_deref() == Some("WaitForFirstConsumer"),
            allowed_topologies: class.allowed_topologies.clone().unwrap_or_default(),
            is_default: DEFAULT_CLASS.iter().any(|key| is_true(key)),
        };
        all.insert(name(&class.metadata).into(), facts);
    }

    pub fn add_csi_node(&mut self, node: &CSINode) {
        let Known::Seen(all) = &mut self.csi_nodes else { return };
        let drivers = &node.spec.drivers;
        let limits = drivers.iter().filter_map(|driver| {
            let count = driver.allocatable.as_ref()?.count?;
            Some((driver.name.as_str().into(), i64::from(count)))
        });
        let migrated = annotation(&node.metadata, MIGRATED_PLUGINS).unwrap_or_default();
        let facts = CsiNode {
            limits: limits.collect(),
            drivers: drivers.iter().map(|driver| driver.name.as_str().into()).collect(),
            migrated: migrated.split(',').map(Into::into).collect(),
        };
        all.insert(name(&node.metadata).into(), facts);
    }

    /// Attachments of volumes that are no PersistentVolumes do not count.
    pub fn add_attachment(&mut self, attachment: &VolumeAttachment) {
        let Known::Seen(all) = &mut self.attachments else { return };
        let spec = &attachment.spec;
        let Some(volume) = &spec.source.persistent_volume_name else { return };
        if spec.attacher.is_empty() {
            return;
        }
        let facts = Attachment { driver: spec.attacher.as_str().into(), volume: volume.as_str().into() };
        all.entry(spec.node_name.as_str().into()).or_default().push(facts);
    }

    pub fn add_driver(&mut self, driver: &CSIDriver) {
        let Known::Seen(all) = &mut self.drivers else { return };
        let facts = Driver {
            tracks_capacity: driver.spec.storage_capacity == Some(true),
            must_be_on_node: driver.spec.prevent_pod_scheduling_if_missing == Some(true),
        };
        all.insert(name(&driver.metadata).into(), facts);
    }

    pub fn claim(&self, namespace: &str, name: &str) -> Lookup<'_, Claim> {
        match Lookup::new(&self.claims, namespace) {
            Lookup::Found(claims) => claims.get(name).map_or(Lookup::Missing, Lookup::Found),
            Lookup::Missing => Lookup::Missing,
            Lookup::Unknown(why) => Lookup::Unknown(why),
        }
    }

    pub fn persistent_volume(&self, name: &str) -> Lookup<'_, PersistentVolumeFacts> {
        Lookup::new(&self.persistent_volumes, name)
    }

    pub fn class(&self, name: &str) -> Lookup<'_, Class> {
        Lookup::new(&self.classes, name)
    }

    /// The class of a claim that names none. Of several default classes the newest is taken, which is not decided here.
    pub fn default_class(&self) -> Option<(&str, &Class)> {
        let mut defaults = self.classes.seen()?.iter().filter(|(_, class)| class.is_default);
        let (name, class) = defaults.next()?;
        defaults.next().is_none().then_some((name, class))
    }

    pub fn csi_node(&self, node: &str) -> Lookup<'_, CsiNode> {
        Lookup::new(&self.csi_nodes, node)
    }

    pub fn driver(&self, name: &str) -> Lookup<'_, Driver> {
        Lookup::new(&self.drivers, name)
    }

    pub fn attachments(&self, node: &str) -> Lookup<'_, Vec<Attachment>> {
        Lookup::new(&self.attachments, node)
    }

    /// May a claim of this class be bound to a volume that exists already?
    pub fn may_have_a_free_volume(&self, class: &str) -> bool {
        let Known::Seen(all) = &self.persistent_volumes else { return true };
        all.values().any(|volume| &*volume.class == class && volume.may_become_free)
    }
}

impl Class {
    /// `v1helper.MatchTopologySelectorTerms` (`pkg/apis/core/v1/helper`): an empty list allows every node, an empty term none.
    pub fn allows(&self, node: &NodeFacts) -> bool {
        let terms = &self.allowed_topologies;
        terms.is_empty()
            || terms.iter().any(|term| {
                let labels = term.match_label_expressions.as_deref().unwrap_or_default();
                let has = |key: &str, values: &[String]| {
                    node.labels.get(key).is_some_and(|value| values.contains(value))
                };
                !labels.is_empty() && labels.iter().all(|it| has(&it.key, &it.values))
            })
    }
}

/// Can a volume with this affinity be used on the node?
pub fn reaches(affinity: Option<&[NodeSelectorTerm]>, node: &NodeFacts) -> bool {
    affinity.is_none_or(|terms| terms.iter().any(|term| selects(term, node)))
}

const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const DEFAULT_CLASS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
const MIGRATED_PLUGINS: &str = "storage.alpha.kubernetes.io/migrated-plugins";
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

fn annotation<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Only labels count: the node that is checked has no name (`component-helpers/storage/volume/helpers.go`, CheckNodeAffinity), and without one
/// no field is (`component-helpers/scheduling/corev1/nodeaffinity`). A term of fields alone selects every node then.
fn affinity(volume: &PersistentVolume) -> Option<Vec<NodeSelectorTerm>> {
    let required = volume.spec.as_ref()?.node_affinity.as_ref()?.required.as_ref()?;
    let is_empty = |list: Option<usize>| list.unwrap_or_default() == 0;
    let has_fields_alone = |term: &NodeSelectorTerm| {
        is_empty(term.match_expressions.as_ref().map(Vec::len))
            && !is_empty(term.match_fields.as_ref().map(Vec::len))
    };
    let terms = &required.node_selector_terms;
    if terms.iter().any(has_fields_alone) {
        return None;
    }
    let labels_of = |term: &NodeSelectorTerm| NodeSelectorTerm { match_fields: None, ..term.clone() };
    Some(terms.iter().map(labels_of).collect())
}

/// A label with an empty zone among its zones is ignored (`cloud-provider/volume/helpers/zones.go`, LabelZonesToSet).
fn zones(labels: &Labels) -> Vec<(&'static str, Vec<Box<str>>)> {
    let zones = TOPOLOGY_LABELS.iter().filter_map(|key| {
        let values: Vec<Box<str>> =
            labels.get(*key)?.split("__").map(|zone| zone.trim_ascii().into()).collect();
        (!values.iter().any(|zone| zone.is_empty())).then_some((*key, values))
    });
    zones.collect()
}
