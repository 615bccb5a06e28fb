//! One node while it is drained, read anew with everything on it.

use cluster_model::{NodeExt, PodExt, Snapshot};
use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};
use kube::Api;
use kube::api::ListParams;
use plugin_client::{Cluster, Failure};

use super::{Scope, awaited, owners, volumes};
use crate::execute::engine::NodeNow;

/// The node and everything on it, by fresh and consistent reads. Another node of its name counts as none.
pub async fn node_now(
    cluster: &Cluster,
    name: &str,
    uid: &str,
    scope: &Scope<'_>,
) -> Result<NodeNow, Failure> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let names = [name.to_owned()];
    let (node, pods, awaited) = futures::join!(
        nodes.get_opt(name),
        scope.pods_on(cluster, name),
        awaited::gather(cluster, &names, scope.pod_selector)
    );
    let node = node.map_err(|e| Failure::from_kube("read the node again", &e))?;
    let pods = pods?;
    let awaited = match awaited {
        Ok(awaited) => awaited.into_iter().map(|(_, pod)| pod).collect(),
        // The plan says that it is not known.
        Err(failure) if failure.code == Some(403) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let unselected = match scope.pod_selector {
        Some(_) => unselected(cluster, name, &pods).await?,
        None => Vec::new(),
    };
    Ok(NodeNow {
        cordoned: node.filter(|n| n.uid() == uid).map(|n| n.is_cordoned()),
        pods,
        unselected,
        awaited,
    })
}

/// The pods on the node that are not among those selected: their metadata, which is all that the report needs.
pub async fn unselected(cluster: &Cluster, node: &str, selected: &[Pod]) -> Result<Vec<Pod>, Failure> {
    let api: Api<Pod> = Api::all(cluster.client.clone());
    let here = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let all = api.list_metadata(&here).await;
    let all = all.map_err(|e| Failure::from_kube("list the pods that are not selected", &e))?;
    let spec = || PodSpec { node_name: Some(node.to_owned()), ..PodSpec::default() };
    let pods = all.items.into_iter().map(|partial| Pod {
        metadata: partial.metadata,
        spec: Some(spec()),
        ..Pod::default()
    });
    Ok(pods.filter(|pod| !selected.iter().any(|other| other.uid() == pod.uid())).collect())
}

/// What decides about a pod that came after the plan.
pub async fn inspect(cluster: &Cluster, pod: Pod) -> Snapshot {
    let mut alone = Snapshot { pods: vec![pod], ..Snapshot::empty(cluster.now()) };
    let (owners, volumes) = futures::join!(owners::gather(cluster, &alone), volumes::gather(cluster, &alone));
    (alone.owners, alone.volumes) = (owners, volumes);
    alone
}
