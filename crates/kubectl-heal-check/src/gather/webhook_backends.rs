//! The endpoints of the Services behind admission webhooks, which are in any namespace.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::{Known, Raw};
use futures::future::try_join_all;
use kube::api::ListParams;
use plugin_client::{Cluster, Failure};

use super::objects::{known, whole};
use crate::snapshot::{Packed, Read, webhook};

/// To the EndpointSlices of the namespace in question, if there are webhooks among the objects.
pub async fn add(
    cluster: &Cluster,
    namespace: Option<&str>,
    objects: &mut BTreeMap<Read, Known<Vec<Packed>>>,
) -> Result<(), Failure> {
    // Those of all namespaces are there already.
    let Some(own) = namespace else { return Ok(()) };
    let services = services(objects);
    let lists =
        services.iter().filter(|(namespace, _)| namespace != own).map(|(namespace, name)| async move {
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

/// Of all EndpointSlices those that would be read of a cluster.
pub fn retain(namespace: Option<&str>, objects: &mut BTreeMap<Read, Known<Vec<Packed>>>) {
    let Some(own) = namespace else { return };
    let services = services(objects);
    if let Some(Known::Seen(slices)) = objects.get_mut(&Read::EndpointSlices) {
        slices.retain(|slice| {
            let slice = slice.value();
            let namespace = slice.text("/metadata/namespace");
            let service = slice["metadata"]["labels"][webhook::SERVICE_NAME].as_str().unwrap_or_default();
            namespace == own || services.contains(&(namespace.to_owned(), service.to_owned()))
        });
    }
}

/// Behind the webhooks, by namespace and name.
fn services(objects: &BTreeMap<Read, Known<Vec<Packed>>>) -> BTreeSet<(String, String)> {
    let configurations = [Read::ValidatingWebhooks, Read::MutatingWebhooks].map(|read| objects.get(&read));
    let seen = configurations.into_iter().flatten().filter_map(Known::seen).flatten();
    let of = |it: &Packed| webhook::of(&it.value()).collect::<Vec<_>>();
    seen.flat_map(of).filter_map(|it| it.service).collect()
}
