//! The controllers of the pods on the nodes, each read once however many pods it has.

use cluster_model::Known;
use cluster_model::inventory::Pods;
use cluster_model::owner::{OwnerKey, Workload};
use cluster_model::owner_graph::OwnerGraph;
use futures::stream::{self, StreamExt};
use k8s_openapi::api::apps::v1::{DaemonSet, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ReplicationController;
use kube::{Api, Client};
use plugin_client::{Cluster, Failure};

use super::scope::FAN_OUT;

pub async fn gather(cluster: &Cluster, pods: &Pods) -> OwnerGraph {
    let keys: Vec<OwnerKey> = pods.by_controller().map(|(key, _)| key.clone()).collect();
    let read: Vec<_> = stream::iter(keys)
        .map(|key| async {
            let owner = read(&cluster.client, &key).await;
            Some((key, owner?))
        })
        .buffer_unordered(FAN_OUT)
        .filter_map(std::future::ready)
        .collect()
        .await;
    read.into_iter().collect()
}

/// `None`: a kind that this tool does not read; a check reports it.
async fn read(client: &Client, key: &OwnerKey) -> Option<Known<Option<Workload>>> {
    let (namespace, name) = (&key.namespace, &key.name);
    macro_rules! get {
        ($kind:ty) => {{
            let api: Api<$kind> = Api::namespaced(client.clone(), namespace);
            match api.get_opt(name).await {
                // Another UID is another owner: the one that is meant was deleted and its name used again.
                Ok(found) => Known::Seen(
                    found.filter(|o| o.metadata.uid.as_deref() == Some(key.uid.as_str())).map(Workload::from),
                ),
                Err(error) => {
                    Known::Unknown(Failure::from_kube(&format!("read {}", key.label()), &error).to_string())
                }
            }
        }};
    }
    Some(match (key.api_version.as_str(), key.kind.as_str()) {
        ("apps/v1", "ReplicaSet") => get!(ReplicaSet),
        ("apps/v1", "StatefulSet") => get!(StatefulSet),
        ("apps/v1", "DaemonSet") => get!(DaemonSet),
        ("batch/v1", "Job") => get!(Job),
        ("v1", "ReplicationController") => get!(ReplicationController),
        _ => return None,
    })
}
