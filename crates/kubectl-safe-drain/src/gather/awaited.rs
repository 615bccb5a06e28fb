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
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

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
    let waits = |pod: Pod| may_wait_for_volume(&pod).then(|| strip_pod(pod));
    list::collect(&api, "pods that are not bound yet", params, list::PAGE, waits).await
}

/// Of a pod that no node has yet.
pub fn may_wait_for_volume(pod: &Pod) -> bool {
    claims(pod).next().is_some() && !pod.is_finished()
}

/// The names of its claims.
pub fn claims(pod: &Pod) -> impl Iterator<Item = &str> {
    pod.volumes().iter().filter_map(|v| Some(v.persistent_volume_claim.as_ref()?.claim_name.as_str()))
}

/// Which of the nodes was chosen for it, if one was.
async fn chosen(cluster: &Cluster, pod: &Pod, nodes: &[String]) -> Result<Option<String>, Failure> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(cluster.client.clone(), pod.namespace());
    for claim in claims(pod) {
        let claim = api.get_opt(claim).await.map_err(|e| Failure::from_kube("read the claim", &e))?;
        if let Some(node) = claim.as_ref().and_then(|claim| chosen_by(claim, pod, nodes)) {
            return Ok(Some(node.to_owned()));
        }
    }
    Ok(None)
}

/// The one of these nodes for which the claim's volume is being provisioned.
pub fn chosen_by<'n>(claim: &PersistentVolumeClaim, pod: &Pod, nodes: &'n [String]) -> Option<&'n str> {
    let node = claim.metadata.annotations.as_ref()?.get(SELECTED_NODE)?;
    let node = nodes.iter().find(|name| *name == node)?;
    let spec = claim.spec.as_ref();
    let is_bound = spec.and_then(|s| s.volume_name.as_deref()).is_some_and(|name| !name.is_empty());
    // The annotation outlives its purpose: a pod of a bound claim that was found unschedulable waits for another node.
    (!is_bound || !is_unschedulable(pod)).then_some(node)
}

fn is_unschedulable(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    conditions.iter().any(|c| c.type_ == "PodScheduled" && c.status == "False")
}
