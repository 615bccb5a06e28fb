//! What was read, before it is put together: from a cluster, from a dump of one, or from manifests.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_model::Known;
use cluster_model::feasibility::Cluster;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::jiff::Timestamp;

use super::interner::Interner;
use super::origin::Origin;
use super::packed::Packed;
use super::pod::PodState;
use super::read::Read;

#[derive(Clone)]
pub struct Gathered {
    /// By the server's clock.
    pub now: Timestamp,
    /// Those of the namespaces in question.
    pub pods: Known<Vec<Arc<PodState>>>,
    pub nodes: Known<Vec<Node>>,
    /// All other kinds, by kind; a kind that is not in it was not read.
    pub objects: BTreeMap<Read, Known<Vec<Packed>>>,
    /// All nodes and pods of the cluster, as the scheduler reads them.
    pub scheduling: Known<Arc<Cluster>>,
    /// The kind of the controller of each pod of the cluster that has one, by the pod's UID.
    pub controllers: BTreeMap<Arc<str>, Arc<str>>,
    pub origin: Origin,
}

impl Gathered {
    /// Takes note of a pod of the cluster.
    pub fn note_controller(
        controllers: &mut BTreeMap<Arc<str>, Arc<str>>,
        uid: &Arc<str>,
        pod: &Pod,
        interner: &mut Interner,
    ) {
        use cluster_model::PodExt;
        if let Some(owner) = pod.controller() {
            controllers.insert(uid.clone(), interner.text(&owner.kind));
        }
    }
}
