//! What the scheduler reads of the whole cluster: whether a pod finds a place depends on all nodes and pods.

mod volumes;

pub use volumes::matter as volumes_matter;

use cluster_model::feasibility::{Cluster as Scheduling, Requirements};
use cluster_model::{Known, NodeExt};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::Api;
use kube::api::ListParams;

use super::list;
use super::listed_pod::ListedPod;
use crate::{Cluster, Failure};

/// Finished pods take no room.
const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// What is read only if the pods that have to be placed make it necessary. Otherwise it is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Claims, volumes and what attaches them.
    pub volumes: bool,
    /// Namespaces, whose labels terms of pod affinity can select. They are read too if pods that are there select them.
    pub namespaces: bool,
}

impl Needs {
    pub fn of<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> Self {
        pods.into_iter().fold(Needs::default(), |needs, pod| Needs {
            volumes: needs.volumes || volumes::matter(pod),
            namespaces: needs.namespaces || Requirements::of(pod).selects_namespaces(),
        })
    }
}

/// All of it, in pages of that many objects.
///
/// # Errors
///
/// The nodes or the pods could not be read. What else could not be read is unknown to the model.
pub async fn read(cluster: &Cluster, page: u32, needs: Needs) -> Result<Scheduling, Failure> {
    let (nodes, pods) = futures::try_join!(nodes(cluster, page), pods(cluster, page))?;
    Ok(Box::pin(complete(cluster, page, &nodes, pods, needs)).await)
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
    let pods: Api<ListedPod> = Api::all(cluster.client.clone());
    let unfinished = ListParams::default().fields(UNFINISHED);
    list::fold(&pods, "pods", unfinished, page, Scheduling::default, |all, pod| all.add_pod(&pod.0)).await
}

/// What [`pods`] read, with the nodes and with what the pods make it necessary to read.
pub async fn complete(
    cluster: &Cluster,
    page: u32,
    nodes: &[Node],
    mut pods: Scheduling,
    needs: Needs,
) -> Scheduling {
    nodes.iter().for_each(|node| pods.add_node(node));
    pods.finish();
    if needs.namespaces || pods.selects_namespaces() {
        let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
        let listed = list::collect(&namespaces, "namespaces", ListParams::default(), page, Some).await;
        match listed {
            Ok(all) => all.iter().for_each(|namespace| pods.add_namespace(namespace)),
            Err(failure) => pods.namespaces = Known::Unknown(failure.to_string()),
        }
    }
    if needs.volumes {
        pods.volumes = Box::pin(volumes::gather(cluster, page)).await;
    }
    pods
}
