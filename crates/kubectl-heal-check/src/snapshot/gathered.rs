//! What was read, before it is put together: from a cluster, from a dump of one, or from manifests.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_model::Known;
use cluster_model::feasibility::Cluster;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::origin::Origin;
use super::pod::PodState;
use super::read::Read;

#[derive(Clone)]
pub struct Gathered {
    /// By the server's clock.
    pub now: Timestamp,
    /// Those of the namespaces in question.
    pub pods: Known<Vec<PodState>>,
    pub nodes: Known<Vec<Node>>,
    /// All other kinds, by kind; a kind that is not in it was not read.
    pub objects: BTreeMap<Read, Known<Vec<Value>>>,
    /// All nodes and pods of the cluster, as the scheduler reads them.
    pub scheduling: Known<Arc<Cluster>>,
    /// The kind of the controller of each pod of the cluster that has one, by the pod's UID.
    pub controllers: BTreeMap<String, String>,
    pub origin: Origin,
}

impl Gathered {
    /// Takes note of a pod of the cluster.
    pub fn note_controller(controllers: &mut BTreeMap<String, String>, pod: &Pod) {
        use cluster_model::PodExt;
        if let Some(owner) = pod.controller() {
            controllers.insert(pod.uid().to_owned(), owner.kind.clone());
        }
    }
}
