//! One node while it is drained, read anew with everything on it.

use std::sync::Arc;

use cluster_model::{Inventory, NodeExt, PodExt};
use futures::future::{BoxFuture, FutureExt, OptionFuture, Shared};
use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::ListParams;
use plugin_client::{Cluster, Failure};

use super::scope::Scope;
use super::{awaited, owners, volumes};
use crate::execute::engine::NodeNow;

/// Pods that are still to be bound, by node: one read for all nodes that are read at the same time.
pub type Awaited<'a> = Shared<BoxFuture<'a, Result<Arc<Vec<(String, Pod)>>, Failure>>>;

pub fn awaited_on<'a>(cluster: &'a Cluster, nodes: Vec<String>, scope: &'a Scope<'_>) -> Awaited<'a> {
    async move {
        match awaited::gather(cluster, &nodes, scope.pod_selector).await {
            // The plan has it as unknown.
            Err(failure) if failure.code == Some(403) => Ok(Arc::default()),
            read => read.map(Arc::new),
        }
    }
    .boxed()
    .shared()
}

/// The node and everything on it, by fresh and consistent reads. Another node of its name counts as none.
pub async fn node_now(
    cluster: &Cluster,
    name: &str,
    uid: &str,
    scope: &Scope<'_>,
    awaited: Option<Awaited<'_>>,
) -> Result<NodeNow, Failure> {
    let (cordoned, pods, awaited) = futures::join!(
        cordoned_now(cluster, name, uid),
        scope.pods_on(cluster, name),
        OptionFuture::from(awaited)
    );
    let (cordoned, pods, awaited) = (cordoned?, pods?, awaited.transpose()?);
    let here = |(node, pod): &(String, Pod)| (node == name).then(|| pod.clone());
    let awaited = awaited.map(|all| all.iter().filter_map(here).collect());
    let unselected = match scope.pod_selector {
        Some(_) => unselected(cluster, name, &pods).await?,
        None => Vec::new(),
    };
    Ok(NodeNow { cordoned, pods, unselected, awaited })
}

/// Whether the node is cordoned; `None` if it is gone. Another node of its name counts as none.
pub async fn cordoned_now(cluster: &Cluster, name: &str, uid: &str) -> Result<Option<bool>, Failure> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let node = nodes.get_opt(name).await.map_err(|e| Failure::from_kube("read the node again", &e))?;
    Ok(node.filter(|n| n.uid() == uid).map(|n| n.is_cordoned()))
}

/// The pods on the node that are not among those selected: their metadata, which is all that the report needs.
pub async fn unselected(cluster: &Cluster, node: &str, selected: &[Pod]) -> Result<Vec<Pod>, Failure> {
    let api: Api<Pod> = Api::all(cluster.client.clone());
    let here = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let all = api.list_metadata(&here).await;
    let all = all.map_err(|e| Failure::from_kube("list the pods that are not selected", &e))?;
    let pods = all.items.into_iter().map(|partial| metadata_only(partial.metadata, node));
    Ok(pods.filter(|pod| !selected.iter().any(|other| other.uid() == pod.uid())).collect())
}

/// What is kept of a pod that is not selected.
pub fn metadata_only(metadata: ObjectMeta, node: &str) -> Pod {
    let spec = PodSpec { node_name: Some(node.to_owned()), ..PodSpec::default() };
    Pod { metadata, spec: Some(spec), ..Pod::default() }
}

/// What decides about a pod that came after the plan.
pub async fn pod_context(cluster: &Cluster, pod: Pod) -> Inventory {
    let mut alone = Inventory::of(pod, cluster.now());
    let (owners, volumes) =
        futures::join!(owners::gather(cluster, &alone.pods), volumes::gather(cluster, &alone.pods));
    (alone.owners, alone.volumes) = (owners, volumes);
    alone
}
