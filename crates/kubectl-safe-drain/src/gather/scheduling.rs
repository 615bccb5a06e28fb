//! What the scheduler reads of the whole cluster: whether the pods of these nodes find a place elsewhere depends on all nodes and pods.

use cluster_model::feasibility::Cluster as Scheduling;
use cluster_model::{Inventory, Known, NodeExt, PodExt};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::list;
use plugin_client::{Cluster, Failure};

use super::scheduling_volumes;

/// Finished pods take no room.
const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

pub async fn gather(cluster: &Cluster, inventory: &Inventory, page: u32) -> Known<Scheduling> {
    // Nothing has to be placed again: the cluster is not read for nothing.
    if !inventory.pods.iter().any(moves) {
        return Known::Seen(Scheduling::default());
    }
    match read(cluster, inventory, page).await {
        Ok(scheduling) => Known::Seen(scheduling),
        Err(failure) => Known::Unknown(failure.to_string()),
    }
}

async fn read(cluster: &Cluster, inventory: &Inventory, page: u32) -> Result<Scheduling, Failure> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let nodes = list::collect(&nodes, "nodes", ListParams::default(), page, |node| {
        Some(node.without_images_and_volumes())
    });
    let pods: Api<Pod> = Api::all(cluster.client.clone());
    let unfinished = ListParams::default().fields(UNFINISHED);
    let pods = list::fold(&pods, "pods", unfinished, page, Scheduling::default, |all, pod| all.add_pod(&pod));
    let (nodes, scheduling) = futures::try_join!(nodes, pods)?;
    let mut scheduling = scheduling;
    nodes.iter().for_each(|node| scheduling.add_node(node));
    scheduling.finish();
    if scheduling.selects_namespaces() {
        let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
        let listed = list::collect(&namespaces, "namespaces", ListParams::default(), page, Some).await;
        match listed {
            Ok(all) => all.iter().for_each(|namespace| scheduling.add_namespace(namespace)),
            Err(failure) => scheduling.namespaces = Known::Unknown(failure.to_string()),
        }
    }
    if inventory.pods.iter().filter(|pod| moves(pod)).any(scheduling_volumes::matter) {
        scheduling.volumes = scheduling_volumes::gather(cluster, page).await;
    }
    Ok(scheduling)
}

/// Its controller makes another one, which the scheduler has to place.
pub fn moves(pod: &Pod) -> bool {
    pod.controller().is_some() && !pod.is_daemonset_pod() && !pod.is_finished()
}
