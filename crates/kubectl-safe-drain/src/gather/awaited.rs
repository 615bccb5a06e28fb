//! Pods that are not bound yet and will be, cordon or not: with WaitForFirstConsumer the scheduler chooses a node, notes it on the claim
//! and binds the pod when the volume is there, which may be minutes later (kube-scheduler, volumebinding `PreBind`).

use cluster_model::PodExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::list;
use plugin_client::{Cluster, Failure};

use super::scope::{FAN_OUT, strip_pod};

/// The chosen node (component-helpers `storage/volume/helpers.go`, `AnnSelectedNode`).
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// By the name of the node that was chosen.
pub async fn gather(
    cluster: &Cluster,
    nodes: &[String],
    pod_selector: Option<&str>,
) -> Result<Vec<(String, Pod)>, Failure> {
    let unbound = unbound(cluster, pod_selector).await?;
    let found: Vec<Option<(String, Pod)>> = stream::iter(unbound)
        .map(|pod| async move { chosen(cluster, &pod, nodes).await.map(|node| Some((node?, pod))) })
        .buffer_unordered(FAN_OUT)
        .try_collect()
        .await?;
    let mut found: Vec<(String, Pod)> = found.into_iter().flatten().collect();
    found.sort_by_key(|(_, pod)| pod.key());
    Ok(found)
}

/// Pods with claims that no node has yet. Page by page, and nothing else is kept.
async fn unbound(cluster: &Cluster, pod_selector: Option<&str>) -> Result<Vec<Pod>, Failure> {
    let api: Api<Pod> = Api::all(cluster.client.clone());
    let mut params = ListParams::default().fields("spec.nodeName=");
    if let Some(selector) = pod_selector {
        params = params.labels(selector);
    }
    let has_claims = |pod: Pod| (claims(&pod).next().is_some() && !pod.is_finished()).then(|| strip_pod(pod));
    list::collect(&api, "pods that are not bound yet", params, list::PAGE, has_claims).await
}

fn claims(pod: &Pod) -> impl Iterator<Item = &str> {
    pod.volumes().iter().filter_map(|v| Some(v.persistent_volume_claim.as_ref()?.claim_name.as_str()))
}

/// Which of the nodes was chosen for it, if one was.
async fn chosen(cluster: &Cluster, pod: &Pod, nodes: &[String]) -> Result<Option<String>, Failure> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(cluster.client.clone(), pod.namespace());
    for claim in claims(pod) {
        let claim = api.get_opt(claim).await.map_err(|e| Failure::from_kube("read the claim", &e))?;
        let Some(claim) = claim else { continue };
        let node = claim.metadata.annotations.as_ref().and_then(|a| a.get(SELECTED_NODE));
        let Some(node) = node.filter(|node| nodes.contains(node)) else { continue };
        let is_bound = claim.spec.is_some_and(|s| s.volume_name.is_some_and(|name| !name.is_empty()));
        // The annotation outlives its purpose: a pod of a bound claim that was found unschedulable waits for another node.
        if !is_bound || !is_unschedulable(pod) {
            return Ok(Some(node.clone()));
        }
    }
    Ok(None)
}

fn is_unschedulable(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|c| c.type_ == "PodScheduled" && c.status == "False")
}
