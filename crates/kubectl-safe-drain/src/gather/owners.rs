//! The controllers of the pods on the nodes, each read once however many pods it has.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::workload::{OwnerKey, Workload};
use cluster_model::{Known, PodExt, Snapshot};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::apps::v1::{DaemonSet, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PodTemplateSpec, ReplicationController};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client};
use plugin_client::{Cluster, Failure};

use super::scope::FAN_OUT;

pub async fn gather(cluster: &Cluster, snapshot: &Snapshot) -> BTreeMap<OwnerKey, Known<Option<Workload>>> {
    let keys: BTreeSet<OwnerKey> = snapshot
        .pods
        .iter()
        .filter(|p| !p.is_mirror())
        .filter_map(|p| snapshot.owner_of(p))
        .map(|(key, _)| key)
        .collect();
    stream::iter(keys)
        .map(|key| async {
            let owner = read(&cluster.client, &key).await;
            Some((key, owner?))
        })
        .buffer_unordered(FAN_OUT)
        .filter_map(std::future::ready)
        .collect()
        .await
}

/// `None`: a kind this tool does not know; a check says so.
async fn read(client: &Client, key: &OwnerKey) -> Option<Known<Option<Workload>>> {
    let (namespace, name) = (&key.namespace, &key.name);
    macro_rules! get {
        ($kind:ty, $workload:expr) => {{
            let api: Api<$kind> = Api::namespaced(client.clone(), namespace);
            match api.get_opt(name).await {
                // Another UID is another owner: ours was deleted and its name used again.
                Ok(found) => Known::Seen(
                    found.filter(|o| o.metadata.uid.as_deref() == Some(key.uid.as_str())).map($workload),
                ),
                Err(error) => {
                    Known::Unknown(Failure::from_kube(&format!("read {}", key.label()), &error).to_string())
                }
            }
        }};
    }
    let found = match (key.api_version.as_str(), key.kind.as_str()) {
        ("apps/v1", "ReplicaSet") => get!(ReplicaSet, |o| Workload {
            desired: o.spec.replicas,
            ready: o.status.as_ref().and_then(|s| s.ready_replicas).unwrap_or_default(),
            parent: parent(&o.metadata),
            pinned_to: o.spec.template.and_then(node_name),
        }),
        ("apps/v1", "StatefulSet") => get!(StatefulSet, |o| Workload {
            desired: o.spec.replicas,
            ready: o.status.as_ref().and_then(|s| s.ready_replicas).unwrap_or_default(),
            parent: parent(&o.metadata),
            pinned_to: node_name(o.spec.template),
        }),
        ("v1", "ReplicationController") => get!(ReplicationController, |o| Workload {
            desired: o.spec.as_ref().and_then(|s| s.replicas),
            ready: o.status.as_ref().and_then(|s| s.ready_replicas).unwrap_or_default(),
            parent: parent(&o.metadata),
            pinned_to: o.spec.and_then(|s| s.template).and_then(node_name),
        }),
        ("apps/v1", "DaemonSet") => {
            get!(DaemonSet, |o| Workload { parent: parent(&o.metadata), ..Workload::default() })
        }
        ("batch/v1", "Job") => get!(Job, |o| Workload {
            parent: parent(&o.metadata),
            pinned_to: o.spec.and_then(|s| node_name(s.template)),
            ..Workload::default()
        }),
        _ => return None,
    };
    Some(found)
}

fn node_name(template: PodTemplateSpec) -> Option<String> {
    template.spec?.node_name.filter(|name| !name.is_empty())
}

fn parent(meta: &ObjectMeta) -> Option<String> {
    let owner = meta.owner_references.iter().flatten().find(|o| o.controller == Some(true))?;
    Some(format!("{} {}", owner.kind, owner.name))
}
