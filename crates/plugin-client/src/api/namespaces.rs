//! Namespaces that are there, for hints.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::{Cluster, is_not_found, nearest};

/// Read at most: more would be a long search for a hint.
const MOST: u32 = 500;

/// `None` without the right to list them.
pub async fn names(cluster: &Cluster) -> Option<Vec<String>> {
    let api: Api<Namespace> = Api::all(cluster.client.clone());
    let found = api.list_metadata(&ListParams::default().limit(MOST)).await.ok()?;
    Some(found.items.iter().map(ResourceExt::name_any).collect())
}

/// That there is no such namespace, and which one may have been meant. `None` where it is there, or that cannot be said.
pub async fn absent(cluster: &Cluster, name: &str) -> Option<String> {
    let api: Api<Namespace> = Api::all(cluster.client.clone());
    let error = api.get_metadata(name).await.err()?;
    if !is_not_found(&error) {
        return None;
    }
    let names = names(cluster).await.unwrap_or_default();
    let meant = nearest::question(name, names.iter().map(String::as_str));
    let absent = format!("namespace {name} does not exist");
    Some(meant.map_or(absent.clone(), |meant| format!("{absent}: {meant}")))
}
