//! Whether the pods of these nodes find a place elsewhere depends on the whole cluster. It is read only if a pod has to be placed again.

use cluster_model::feasibility::Cluster as Scheduling;
use cluster_model::{Inventory, Known, PodExt};
use k8s_openapi::api::core::v1::Pod;
use plugin_client::Cluster;
use plugin_client::api::scheduling;

pub async fn gather(cluster: &Cluster, inventory: &Inventory, page: u32) -> Known<Scheduling> {
    let mut moving = inventory.pods.iter().filter(|pod| moves(pod)).peekable();
    if moving.peek().is_none() {
        return Known::Seen(Scheduling::default());
    }
    let volumes = moving.any(scheduling::volumes_matter);
    match scheduling::read(cluster, page, volumes).await {
        Ok(scheduling) => Known::Seen(scheduling),
        Err(failure) => Known::Unknown(failure.to_string()),
    }
}

/// Its controller makes another one, which the scheduler has to place.
fn moves(pod: &Pod) -> bool {
    pod.controller().is_some() && !pod.is_daemonset_pod() && !pod.is_finished()
}
