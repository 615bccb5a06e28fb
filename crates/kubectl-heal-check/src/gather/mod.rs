//! Reads the cluster. What cannot be read is unknown, with the reason; nothing here fails for a single kind.

#[cfg(test)]
mod hostile;
pub mod manifests;
pub mod objects;
pub mod offline;
mod pods;
pub mod volumes;
mod webhook_backends;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster_model::{Known, NodeExt};
use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::{access_review, list, scheduling};
use plugin_client::{Cluster, Failure, RawObject, Right, Ui, is_not_found};

use crate::args::Target;
use crate::half::Half;
use crate::snapshot::{Gathered, HEALERS, Origin, Packed, Read, Selection};

/// `namespace`: `None` is all. `needed`: the kinds that are read.
///
/// # Errors
///
/// The credentials were not accepted.
pub async fn gather(
    cluster: &Cluster,
    namespace: Option<&str>,
    half: Half,
    needed: &BTreeSet<Read>,
    ui: &Ui,
) -> Result<Gathered, Failure> {
    // Before the owners: one that is made meanwhile is then no owner that is missing.
    let ((pods, no_pods_of_all), nodes) =
        futures::join!(pods::gather(cluster, namespace, half, ui), nodes(cluster));
    let (pods, no_pods_of_all) = (pods?, no_pods_of_all);
    let nodes: Known<Vec<Node>> = objects::known(Read::Nodes, None, nodes)?;
    let kinds = Read::ALL
        .into_iter()
        .filter(|read| !matches!(read, Read::Pods | Read::Nodes | Read::Leases) && needed.contains(read));
    let lists = try_join_all(kinds.map(|read| async move {
        objects::of_kind(cluster, read, namespace).await.map(|found| (read, found))
    }));
    let leases = async {
        match needed.contains(&Read::Leases) {
            true => leases(cluster).await.map(Some),
            false => Ok(None),
        }
    };
    let (lists, leases) = futures::join!(lists, leases);
    let mut objects: BTreeMap<Read, Known<Vec<Packed>>> = lists?.into_iter().collect();
    objects.extend(leases?.map(|found| (Read::Leases, found)));
    webhook_backends::add(cluster, namespace, &mut objects).await?;
    let (pods, controllers, scheduling) = match (pods, &nodes, no_pods_of_all) {
        (Known::Seen(pods), Known::Seen(nodes), None) => {
            let cluster = scheduling::complete(cluster, list::PAGE, nodes, pods.scheduling, pods.needs);
            let cluster = Box::pin(cluster).await;
            (Known::Seen(pods.own), pods.controllers, Known::Seen(Arc::new(cluster)))
        }
        (Known::Seen(pods), nodes, why) => {
            let of_nodes = if let Known::Unknown(why) = nodes { why.clone() } else { String::new() };
            (Known::Seen(pods.own), pods.controllers, Known::Unknown(why.unwrap_or(of_nodes)))
        }
        (Known::Unknown(why), _, _) => (Known::Unknown(why.clone()), BTreeMap::new(), Known::Unknown(why)),
    };
    let origin = Origin::default();
    Ok(Gathered { now: cluster.now(), pods, nodes, objects, scheduling, controllers, origin })
}

/// With the images that they report: HC507 reads them.
async fn nodes(cluster: &Cluster) -> Result<Vec<Node>, Failure> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    let keep = |node: Node| Some(node.without_volumes());
    list::collect(&api, "nodes", ListParams::default(), list::PAGE, keep).await
}

/// Control planes of managed clusters often have none there: HC804 says what follows from that.
async fn leases(cluster: &Cluster) -> Result<Known<Vec<Packed>>, Failure> {
    let place = "kube-system";
    let api = objects::api(cluster, Read::Leases, Some(place));
    let mut found = Vec::new();
    for name in HEALERS {
        match api.get(name).await {
            Ok(lease) => found.push(Packed::of(Read::Leases, &lease.value)),
            Err(error) if is_not_found(&error) => {}
            Err(error) => {
                let failure = Failure::from_kube("read the Lease", &error);
                return Ok(Known::Unknown(match failure.code {
                    Some(401) => return Err(failure),
                    Some(403) => {
                        let (_, group, _, plural) = Read::Leases.api();
                        let right = Right::new("get", group, plural).namespace(place).name(name);
                        format!("you have no right to {right}; {}", access_review::grant(&right))
                    }
                    _ => failure.to_string(),
                }));
            }
        }
    }
    Ok(Known::Seen(found))
}

/// What a label selector selects is for the server to say.
pub async fn selection(
    cluster: &Cluster,
    target: &Target,
    namespace: Option<&str>,
) -> Result<Selection, Failure> {
    let selector = match target {
        Target::All => return Ok(Selection::All),
        Target::Named(names) => return Ok(Selection::Named(names.clone())),
        Target::Selector(selector) => selector,
    };
    let mut uids = BTreeSet::new();
    for read in Read::NAMED {
        let api = objects::api(cluster, read, namespace);
        let labelled = ListParams::default().labels(selector);
        let uid = |object: RawObject| Some(cluster_model::Raw::uid(&object.value).to_owned());
        match list::collect(&api, read.api().3, labelled, list::PAGE, uid).await {
            Ok(found) => uids.extend(found),
            Err(failure) if failure.code == Some(400) => {
                return Err(Failure::usage(format!(
                    "--selector {selector}: the server does not understand it"
                ))
                .cause(failure.cause.unwrap_or_default())
                .hint("write it as in app=web,tier!=cache"));
            }
            // The list of this kind for the checks fails as well, and is reported there.
            Err(failure) if failure.code == Some(403) => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(Selection::Uids(uids))
}
