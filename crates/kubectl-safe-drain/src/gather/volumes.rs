//! The volumes behind the claims of the pods on the nodes.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::{Known, PodExt};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use kube::Api;
use plugin_client::{Cluster, Failure};

use super::awaited;
use super::scope::FAN_OUT;

pub async fn gather(cluster: &Cluster, pods: &[Pod]) -> BTreeMap<String, Known<PersistentVolume>> {
    stream::iter(claims(pods))
        .map(|(namespace, claim)| async move {
            let volume = read(cluster, &namespace, &claim).await;
            Some((format!("{namespace}/{claim}"), volume.transpose()?))
        })
        .buffer_unordered(FAN_OUT)
        .filter_map(std::future::ready)
        .map(|(key, volume)| {
            (key, volume.map_or_else(|failure: Failure| Known::Unknown(failure.to_string()), Known::Seen))
        })
        .collect()
        .await
}

/// The claims whose data decides about a drain: namespace and name.
pub fn claims(pods: &[Pod]) -> BTreeSet<(String, String)> {
    let matter = pods.iter().filter(|pod| !pod.is_finished() && !pod.is_daemonset_pod());
    matter
        .flat_map(|pod| awaited::claims(pod).map(|claim| (pod.namespace().to_owned(), claim.to_owned())))
        .collect()
}

/// `None`: the claim is not bound, so there is no data yet.
async fn read(cluster: &Cluster, namespace: &str, claim: &str) -> Result<Option<PersistentVolume>, Failure> {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(cluster.client.clone(), namespace);
    let bound = claims.get_opt(claim).await.map_err(|e| Failure::from_kube("read the claim", &e))?;
    let Some(volume) = bound.and_then(|c| c.spec?.volume_name) else { return Ok(None) };
    let volumes: Api<PersistentVolume> = Api::all(cluster.client.clone());
    volumes.get_opt(&volume).await.map_err(|e| Failure::from_kube(&format!("read volume {volume}"), &e))
}
