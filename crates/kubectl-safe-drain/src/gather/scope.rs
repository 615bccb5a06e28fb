//! Which pods are read, how, and what is kept of them.

use cluster_model::pod::drop_ready_containers;
use k8s_openapi::api::core::v1::{Pod, Volume};
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::list;
use plugin_client::api::watch::Watched;
use plugin_client::{Cluster, Failure};

use crate::verbs::Verbs;

/// Requests at a time while gathering.
pub const FAN_OUT: usize = 8;

pub struct Scope<'a> {
    pub pod_selector: Option<&'a str>,
    pub chunk_size: u32,
    pub verbs: &'a Verbs,
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
    drop_ready_containers(&mut pod);
    if let Some(spec) = &mut pod.spec {
        (spec.containers, spec.init_containers) = (Vec::new(), None);
        spec.topology_spread_constraints = None;
        // Copies of objects in the API server: no data of the pod's own, and in every pod one with a token.
        let is_copy = |v: &Volume| {
            v.projected.is_some() || v.config_map.is_some() || v.secret.is_some() || v.downward_api.is_some()
        };
        spec.volumes = spec
            .volumes
            .take()
            .map(|all| all.into_iter().filter(|v| !is_copy(v)).collect())
            .filter(|kept: &Vec<Volume>| !kept.is_empty());
        // Of its affinity only which nodes it names is read.
        if let Some(affinity) = &mut spec.affinity {
            (affinity.pod_affinity, affinity.pod_anti_affinity) = (None, None);
        }
    }
    pod
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::PodExt;
    use cluster_model::build::{PodBuild, pod};
    use serde_json::json;

    #[test]
    fn what_the_checks_read_of_a_pod_is_kept() {
        let volumes = json!({"spec": {"volumes": [
            {"name": "token", "projected": {"sources": []}}, {"name": "data", "emptyDir": {}},
            {"name": "settings", "configMap": {"name": "c"}}, {"name": "claim", "persistentVolumeClaim": {"claimName": "p"}}]}});
        let names = |pod: &Pod| pod.volumes().iter().map(|v| v.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&strip_pod(pod("a/p", "n").edit(volumes))), ["data", "claim"]);
        let container = |restarts: i32| json!({"status": {"containerStatuses": [{"name": "main", "image": "i", "imageID": "", "ready": true, "restartCount": restarts}]}});
        let statuses =
            |pod: Pod| strip_pod(pod).status.and_then(|s| s.container_statuses).map(|all| all.len());
        assert_eq!(statuses(pod("a/p", "n").edit(container(0))), None);
        assert_eq!(statuses(pod("a/p", "n").edit(container(1))), Some(1), "it took more than one start");
        assert_eq!(statuses(pod("a/p", "n").waiting("CrashLoopBackOff")), Some(1), "why it is not Ready");
    }
}
