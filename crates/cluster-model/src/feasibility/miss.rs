//! Why a pod cannot run on a node.

use std::fmt;

use crate::quantity;
use crate::text::count;

/// One filter's reason. In the order in which the nodes of a summary are explained.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Miss {
    Drained,
    Lost,
    Cordoned,
    /// The key of a taint that is not tolerated.
    Taint(String),
    NodeSelector {
        key: String,
        value: String,
    },
    NodeAffinity,
    Insufficient {
        resource: String,
        short_by: i128,
    },
    HostPort(i32),
    /// The topology keys of the spread constraints, joined by `and`.
    Spread(String),
    /// No such label on the node, which the constraint needs.
    NoTopologyLabel(String),
    /// The topology key of the term.
    PodAffinity(String),
    PodAntiAffinity(String),
    /// A pod that is there forbids it, by the topology key of its term.
    ForbiddenByPod {
        pod: String,
        key: String,
    },
    /// The PersistentVolume that cannot be reached from there.
    VolumeAffinity(String),
    VolumeZone(String),
    /// The CSI driver that can attach no more there.
    VolumeLimit(String),
    DiskInUse(String),
    /// A ReadWriteOncePod claim that another pod uses.
    ClaimInUse(String),
    ClaimMissing(String),
    VolumeMissing(String),
    ClaimNotBound(String),
    /// The feature of the kubelet that the pod uses and the node does not declare.
    KubeletFeature(String),
    /// The StorageClass whose volumes cannot be provisioned for that node.
    ClassTopology(String),
}

impl Miss {
    /// How far away the node is: one that lacks room is closer than one that is not meant for the pod at all, and that a drained node is
    /// drained, or a lost one lost, explains least.
    pub fn distance(&self) -> u8 {
        match self {
            Miss::Drained | Miss::Lost => 3,
            Miss::NodeSelector { .. } | Miss::NodeAffinity | Miss::Taint(_) => 2,
            Miss::VolumeAffinity(_) | Miss::VolumeZone(_) => 1,
            _ => 0,
        }
    }

    /// Equal for misses that are reported together.
    pub fn same_kind(&self, other: &Miss) -> bool {
        match (self, other) {
            (Miss::Insufficient { resource: a, .. }, Miss::Insufficient { resource: b, .. }) => a == b,
            (Miss::ForbiddenByPod { key: a, .. }, Miss::ForbiddenByPod { key: b, .. }) => a == b,
            (a, b) => a == b,
        }
    }
}

/// Misses with the number of their nodes: `3 nodes: cpu short by 250m`, `1 node: cordoned`.
pub fn reasons(misses: &[(usize, Miss)]) -> Vec<String> {
    misses.iter().map(|(nodes, miss)| format!("{}: {miss}", count(*nodes, "node"))).collect()
}

/// Read after a number of nodes, as in `3 nodes: cpu short by 250m`.
impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Miss::Drained => f.write_str("being drained"),
            Miss::Lost => f.write_str("lost"),
            Miss::Cordoned => f.write_str("cordoned"),
            Miss::Taint(key) => write!(f, "taint {key}"),
            Miss::NodeSelector { key, value } => write!(f, "no label {key}={value}"),
            Miss::NodeAffinity => f.write_str("node affinity"),
            Miss::Insufficient { resource, short_by } if resource == "pods" => {
                write!(f, "full, {} pods too many", quantity::show(resource, *short_by))
            }
            Miss::Insufficient { resource, short_by } => {
                write!(f, "{resource} short by {}", quantity::show(resource, *short_by))
            }
            Miss::HostPort(port) => write!(f, "host port {port} in use"),
            Miss::Spread(key) => write!(f, "topology spread over {key}"),
            Miss::NoTopologyLabel(key) => write!(f, "no label {key}"),
            Miss::PodAffinity(key) => write!(f, "pod affinity within {key}"),
            Miss::PodAntiAffinity(key) => write!(f, "pod anti-affinity within {key}"),
            Miss::ForbiddenByPod { pod, key } => write!(f, "anti-affinity of {pod} within {key}"),
            Miss::VolumeAffinity(volume) => write!(f, "node affinity of PV {volume}"),
            Miss::VolumeZone(volume) => write!(f, "zone of PV {volume}"),
            Miss::VolumeLimit(driver) => write!(f, "volume limit of {driver}"),
            Miss::DiskInUse(volume) => write!(f, "disk of volume {volume} in use"),
            Miss::ClaimInUse(claim) => write!(f, "PVC {claim} in use by another pod"),
            Miss::ClaimMissing(claim) => write!(f, "PVC {claim} not found"),
            Miss::VolumeMissing(volume) => write!(f, "PV {volume} not found"),
            Miss::ClaimNotBound(claim) => write!(f, "PVC {claim} not bound"),
            Miss::KubeletFeature(feature) => write!(f, "kubelet feature {feature} not declared"),
            Miss::ClassTopology(class) => write!(f, "topology of StorageClass {class}"),
        }
    }
}
