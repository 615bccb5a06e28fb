//! The endpoints of the Services behind admission webhooks, which are in any namespace.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::Known;
use futures::future::try_join_all;
use kube::api::ListParams;
use plugin_client::{Cluster, Failure};
use serde_json::Value;

use super::objects::{known, whole};
use crate::snapshot::{Read, webhook};

/// To the EndpointSlices of the namespace in question, if there are webhooks among the objects.
pub async fn add(
    cluster: &Cluster,
    namespace: Option<&str>,
    objects: &mut BTreeMap<Read, Known<Vec<Value>>>,
) -> Result<(), Failure> {
    // Those of all namespaces are there already.
    let Some(own) = namespace else { return Ok(()) };
    let configurations = [Read::ValidatingWebhooks, Read::MutatingWebhooks].map(|read| objects.get(&read));
    let services: BTreeSet<(String, String)> = configurations
        .into_iter()
        .flatten()
        .filter_map(|it| match it {
            Known::Seen(all) => Some(all),
            Known::Unknown(_) => None,
        })
        .flatten()
        .flat_map(webhook::of)
        .filter_map(|it| it.service)
        .filter(|(namespace, _)| namespace != own)
        .collect();
    let lists = services.iter().map(|(namespace, name)| async move {
        let params = ListParams::default().labels(&format!("{}={name}", webhook::SERVICE_NAME));
        let listed = whole(cluster, Read::EndpointSlices, Some(namespace), params).await;
        known(Read::EndpointSlices, Some(namespace), listed)
    });
    let found = try_join_all(lists).await?;
    let Some(Known::Seen(slices)) = objects.get_mut(&Read::EndpointSlices) else { return Ok(()) };
    for list in found {
        match list {
            Known::Seen(more) => slices.extend(more),
            Known::Unknown(why) => {
                objects.insert(Read::EndpointSlices, Known::Unknown(why));
                return Ok(());
            }
        }
    }
    Ok(())
}
