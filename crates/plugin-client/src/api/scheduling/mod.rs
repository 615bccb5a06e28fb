//! What the scheduler reads of the whole cluster: whether a pod finds a place depends on all nodes and pods.

mod volumes;

use cluster_model::feasibility::Cluster as Scheduling;
use cluster_model::{Known, NodeExt};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::Api;
use kube::api::ListParams;

use super::list;
use crate::{Cluster, Failure};

pub use volumes::matter as volumes_matter;

/// Finished pods take no room.
const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// All of it, in pages of that many objects. `volumes`: what there is of volumes is read too; without that it is unknown.
///
/// # Errors
///
/// The nodes or the pods could not be read. What else could not be read is unknown to the model.
pub async fn read(cluster: &Cluster, page: u32, volumes: bool) -> Result<Scheduling, Failure> {
    let (nodes, pods) = futures::try_join!(nodes(cluster, page), pods(cluster, page))?;
    Ok(complete(cluster, page, &nodes, pods, volumes).await)
}

/// The nodes, without what no plugin reads of them.
///
/// # Errors
///
/// They could not be read.
pub async fn nodes(cluster: &Cluster, page: u32) -> Result<Vec<Node>, Failure> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    list::collect(&nodes, "nodes", ListParams::default(), page, |node| {
        Some(node.without_images_and_volumes())
    })
    .await
}

/// The pods of all namespaces, folded page by page into what the model keeps of them. The nodes have to be added.
///
/// # Errors
///
/// They could not be read.
pub async fn pods(cluster: &Cluster, page: u32) -> Result<Scheduling, Failure> {
    let pods: Api<Pod> = Api::all(cluster.client.clone());
    let unfinished = ListParams::default().fields(UNFINISHED);
    list::fold(&pods, "pods", unfinished, page, Scheduling::default, |all, pod| all.add_pod(&pod)).await
}

/// What [`pods`] read, with the nodes and with what the pods make it necessary to read.
pub async fn complete(
    cluster: &Cluster,
    page: u32,
    nodes: &[Node],
    mut pods: Scheduling,
    volumes: bool,
) -> Scheduling {
    nodes.iter().for_each(|node| pods.add_node(node));
    pods.finish();
    if pods.selects_namespaces() {
        let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
        let listed = list::collect(&namespaces, "namespaces", ListParams::default(), page, Some).await;
        match listed {
            Ok(all) => all.iter().for_each(|namespace| pods.add_namespace(namespace)),
            Err(failure) => pods.namespaces = Known::Unknown(failure.to_string()),
        }
    }
    if volumes {
        pods.volumes = volumes::gather(cluster, page).await;
    }
    pods
}
