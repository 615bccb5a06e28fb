//! Which pods are read, how, and what is kept of them.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::list;
use plugin_client::api::watch::Watched;
use plugin_client::{Cluster, Failure};

/// Requests at a time while gathering.
pub const FAN_OUT: usize = 8;

pub struct Scope<'a> {
    pub pod_selector: Option<&'a str>,
    pub chunk_size: u32,
}

impl Scope<'_> {
    /// The selected pods on a node, by a fresh and consistent read.
    pub async fn pods_on(&self, cluster: &Cluster, node: &str) -> Result<Vec<Pod>, Failure> {
        let api: Api<Pod> = Api::all(cluster.client.clone());
        let mut here = ListParams::default().fields(&format!("spec.nodeName={node}"));
        if let Some(selector) = self.pod_selector {
            here = here.labels(selector);
        }
        list::collect(&api, "pods", here, self.chunk_size, |pod| Some(strip_pod(pod))).await
    }

    pub fn watched(&self) -> Watched {
        let config = Watched::default();
        match self.chunk_size {
            0 => Watched { page_size: None, ..config },
            size => config.page_size(size),
        }
    }
}

/// Without what no step reads. A node has a hundred pods and more, and containers are most of a pod.
pub fn strip_pod(mut pod: Pod) -> Pod {
    pod.metadata.managed_fields = None;
    if let Some(spec) = &mut pod.spec {
        (spec.containers, spec.init_containers) = (Vec::new(), None);
        spec.topology_spread_constraints = None;
        // Of its affinity only which nodes it names is read.
        if let Some(affinity) = &mut spec.affinity {
            (affinity.pod_affinity, affinity.pod_anti_affinity) = (None, None);
        }
    }
    pod
}

/// A node lists up to fifty images.
pub fn strip_node(mut node: Node) -> Node {
    node.metadata.managed_fields = None;
    if let Some(status) = &mut node.status {
        (status.images, status.volumes_attached, status.volumes_in_use) = (None, None, None);
    }
    node
}
