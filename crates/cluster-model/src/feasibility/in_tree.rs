//! Types of volumes that Kubernetes once handled itself, and the CSI drivers that have taken them over (`csi-translation-lib`).

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, PersistentVolumeSpec, Volume};

use super::node::{BETA_REGION, BETA_ZONE, Labels, REGION, ZONE};

#[derive(Debug, PartialEq, Eq)]
pub struct Plugin {
    pub name: &'static str,
    pub driver: &'static str,
    /// The label of nodes that stands for their zone once the driver has taken over.
    topology_key: Option<&'static str>,
}

const fn plugin(name: &'static str, driver: &'static str, topology_key: Option<&'static str>) -> Plugin {
    Plugin { name, driver, topology_key }
}

static AWS_EBS: Plugin =
    plugin("kubernetes.io/aws-ebs", "ebs.csi.aws.com", Some("topology.ebs.csi.aws.com/zone"));
static GCE_PD: Plugin = plugin("kubernetes.io/gce-pd", "pd.csi.storage.gke.io", Some("topology.gke.io/zone"));
static CINDER: Plugin = plugin(
    "kubernetes.io/cinder",
    "cinder.csi.openstack.org",
    Some("topology.cinder.csi.openstack.org/zone"),
);
static AZURE_DISK: Plugin = plugin("kubernetes.io/azure-disk", "disk.csi.azure.com", None);
static PORTWORX: Plugin = plugin("kubernetes.io/portworx-volume", "pxd.portworx.com", None);

/// Without Azure files and vSphere disks, which the scheduler does not translate (`volumebinding/binder.go`, isCSIMigrationOnForPlugin).
static PLUGINS: [&Plugin; 5] = [&AWS_EBS, &GCE_PD, &CINDER, &AZURE_DISK, &PORTWORX];

pub fn plugin_named(name: &str) -> Option<&'static Plugin> {
    PLUGINS.into_iter().find(|plugin| plugin.name == name)
}

pub fn plugin_of_volume(spec: &PersistentVolumeSpec) -> Option<&'static Plugin> {
    let is_of = [
        (&AWS_EBS, spec.aws_elastic_block_store.is_some()),
        (&GCE_PD, spec.gce_persistent_disk.is_some()),
        (&CINDER, spec.cinder.is_some()),
        (&AZURE_DISK, spec.azure_disk.is_some()),
        (&PORTWORX, spec.portworx_volume.is_some()),
    ];
    is_of.into_iter().find(|(_, is)| *is).map(|(plugin, _)| plugin)
}

pub fn plugin_of_disk(volume: &Volume) -> Option<&'static Plugin> {
    let is_of = [
        (&AWS_EBS, volume.aws_elastic_block_store.is_some()),
        (&GCE_PD, volume.gce_persistent_disk.is_some()),
        (&CINDER, volume.cinder.is_some()),
        (&AZURE_DISK, volume.azure_disk.is_some()),
        (&PORTWORX, volume.portworx_volume.is_some()),
    ];
    is_of.into_iter().find(|(_, is)| *is).map(|(plugin, _)| plugin)
}

impl Plugin {
    /// The affinity of a volume with these labels where the driver has taken over (`csi-translation-lib/plugins/in_tree_volume.go`,
    /// translateTopologyFromInTreeToCSI): the driver's own label stands for the zone, which is taken from the volume's labels if its affinity
    /// names none.
    pub fn migrated(
        &self,
        affinity: Option<Vec<NodeSelectorTerm>>,
        labels: &Labels,
    ) -> Option<Vec<NodeSelectorTerm>> {
        let Some(topology_key) = self.topology_key else { return affinity };
        let mut terms = affinity.clone().unwrap_or_default();
        let is_named = |key: &str| requirements(&terms).any(|it| it.key == key);
        let (zone, region) = if is_named(ZONE) || !is_named(BETA_ZONE) && labels.contains_key(ZONE) {
            (ZONE, REGION)
        } else if is_named(BETA_ZONE) || labels.contains_key(BETA_ZONE) {
            (BETA_ZONE, BETA_REGION)
        } else {
            return affinity;
        };
        let has_zones = requirements(&terms).any(|it| it.key == zone && has_values(it));
        for requirement in terms.iter_mut().flat_map(|term| term.match_expressions.iter_mut().flatten()) {
            if requirement.key == zone && has_zones {
                topology_key.clone_into(&mut requirement.key);
            } else if requirement.key == region {
                REGION.clone_into(&mut requirement.key);
            }
        }
        let zones = labels.get(zone).into_iter().flat_map(|zones| zones.split("__"));
        let zones = zones.map(|zone| zone.trim_ascii().to_owned()).filter(|zone| !zone.is_empty());
        let zones: Vec<String> = zones.collect();
        if has_zones || zones.is_empty() {
            return affinity.is_some().then_some(terms);
        }
        if terms.is_empty() {
            terms.push(NodeSelectorTerm::default());
        }
        let in_zone = NodeSelectorRequirement {
            key: topology_key.to_owned(),
            operator: "In".to_owned(),
            values: Some(zones),
        };
        for term in &mut terms {
            term.match_expressions.get_or_insert_default().push(in_zone.clone());
        }
        Some(terms)
    }
}

fn has_values(requirement: &NodeSelectorRequirement) -> bool {
    requirement.values.as_ref().is_some_and(|values| !values.is_empty())
}

fn requirements(terms: &[NodeSelectorTerm]) -> impl Iterator<Item = &NodeSelectorRequirement> {
    terms.iter().flat_map(|term| term.match_expressions.iter().flatten())
}
