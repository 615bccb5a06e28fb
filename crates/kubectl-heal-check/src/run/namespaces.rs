//! Which namespace may have been meant, where the one that was named does not exist.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use plugin_client::{Cluster, Failure};

use super::absent;
use crate::finding::Unchecked;

/// Read at most: more would be a long search for a hint.
const MOST: u32 = 500;

/// Without the right to list namespaces nothing is said.
pub async fn suggest(cluster: &Cluster, named: &str, unchecked: &mut [Unchecked]) -> Result<(), Failure> {
    if unchecked.iter().any(|it| it.id == absent::NAMESPACE) {
        let api: Api<Namespace> = Api::all(cluster.client.clone());
        if let Ok(found) = api.list_metadata(&ListParams::default().limit(MOST)).await {
            let names: Vec<String> = found.items.iter().map(ResourceExt::name_any).collect();
            absent::suggest(unchecked, named, names.iter().map(String::as_str));
        }
    }
    Ok(())
}
