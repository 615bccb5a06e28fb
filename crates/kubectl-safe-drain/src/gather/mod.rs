//! Reads the cluster: everything a drain of these nodes needs before it starts, and the watches that it runs on. Lists come page
//! by page, and only what the checks read is kept of them.

mod awaited;
mod budget_members;
mod missing;
mod node;
pub mod offline;
mod owners;
mod scheduling;
mod scope;
mod volumes;
mod watches;
mod webhooks;

use cluster_model::inventory::Budgets;
use cluster_model::{DisruptionBudget, Inventory, Known, NodeExt};
use futures::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::list;
use plugin_client::{Cluster, Failure, is_forbidden};

use crate::args::Target;
use scope::FAN_OUT;

pub use budget_members::not_ready;
pub use node::{Awaited, awaited_on, cordoned_now, node_now, pod_context};
pub use scope::Scope;
pub use watches::{budget_feed, node_feed, pod_feed};

/// The nodes meant, each of which exists.
pub async fn nodes(cluster: &Cluster, target: &Target, scope: &Scope<'_>) -> Result<Vec<Node>, Failure> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    match target {
        Target::Selector(selector) => {
            let labelled = ListParams::default().labels(selector);
            let list = list::collect(&api, "nodes", labelled, scope.chunk_size, |node| {
                Some(node.without_images_and_volumes())
            });
            let list = list.await.map_err(|failure| bad_selector("--selector", selector, failure))?;
            if list.is_empty() { Err(no_node_matches(selector)) } else { Ok(list) }
        }
        Target::Names(names) => {
            let found: Vec<Option<Node>> =
                stream::iter(names).map(|name| node(&api, name)).buffered(FAN_OUT).try_collect().await?;
            match missing::all_there(names, found) {
                Ok(nodes) => Ok(nodes),
                Err(missing) => Err(missing.failure(&missing::names(&api).await, scope.verbs)),
            }
        }
    }
}

fn no_node_matches(selector: &str) -> Failure {
    Failure::refused(format!("no node matches --selector {selector}")).hint("kubectl get nodes --show-labels")
}

async fn node(api: &Api<Node>, name: &str) -> Result<Option<Node>, Failure> {
    api.get_opt(name)
        .await
        .map_err(|error| Failure::from_kube("read the node", &error).object(format!("node/{name}")))
}

/// What is on these nodes and decides about it, at one moment.
pub async fn inventory(cluster: &Cluster, nodes: Vec<Node>, scope: &Scope<'_>) -> Result<Inventory, Failure> {
    // By the server's clock: the nodes were its first answer.
    let mut inventory = Inventory::empty(cluster.now());
    let lists: Vec<(Vec<Pod>, Vec<Pod>)> = stream::iter(&nodes)
        .map(|node| async move {
            let pods = scope.pods_on(cluster, node.name()).await.map_err(|failure| {
                bad_selector("--pod-selector", scope.pod_selector.unwrap_or_default(), failure)
            })?;
            let unselected = match scope.pod_selector {
                Some(_) => node::unselected(cluster, node.name(), &pods).await?,
                None => Vec::new(),
            };
            Ok::<_, Failure>((pods, unselected))
        })
        .buffered(FAN_OUT)
        .try_collect()
        .await?;
    for (pods, unselected) in lists {
        inventory.pods.extend(pods);
        inventory.unselected.extend(unselected);
    }
    let budgets: Api<PodDisruptionBudget> = Api::all(cluster.client.clone());
    let all = ListParams::default();
    let add = |all: &mut Budgets, object: PodDisruptionBudget| all.extend([DisruptionBudget::from(object)]);
    let budgets =
        list::fold(&budgets, "poddisruptionbudgets", all, scope.chunk_size, Budgets::default, add).await;
    inventory.budgets = budgets.map_or_else(|failure| Known::Unknown(failure.to_string()), Known::Seen);
    let names: Vec<String> = nodes.iter().map(|n| n.name().to_owned()).collect();
    inventory.nodes = nodes;
    let (awaited, owners, volumes, webhooks, not_ready_members, scheduling) = futures::join!(
        awaited::gather(cluster, &names, scope.pod_selector),
        owners::gather(cluster, &inventory.pods),
        volumes::gather(cluster, &inventory.pods),
        webhooks::gather(cluster),
        budget_members::gather(cluster, &inventory),
        scheduling::gather(cluster, &inventory, scope.chunk_size),
    );
    inventory.awaited = match awaited {
        Ok(awaited) => Known::Seen(awaited),
        Err(failure) => Known::Unknown(failure.to_string()),
    };
    inventory.owners = owners;
    inventory.volumes = volumes;
    inventory.webhooks = webhooks;
    inventory.not_ready_members = not_ready_members;
    inventory.scheduling = scheduling;
    Ok(inventory)
}

/// Only the server implements the whole grammar; what it rejects is wrong usage.
fn bad_selector(flag: &str, selector: &str, failure: Failure) -> Failure {
    if selector.is_empty() || failure.code != Some(400) {
        return failure;
    }
    let cause = failure.cause.unwrap_or_default();
    Failure::usage(format!("{flag} {selector}: the server does not understand it"))
        .cause(cause)
        .hint("write it as in app=web,tier!=cache")
}

/// The pod of that name, whichever it is now. A node's own credentials may read by name only the pods that are on it, so that one that is gone
/// is answered 403: then the list of what is on `node`, which they may have, shows whether it still is there.
pub async fn pod_now(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    node: &str,
) -> Result<Option<Pod>, Failure> {
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let refused = match api.get_opt(name).await {
        Ok(found) => return Ok(found),
        Err(error) => error,
    };
    // A pod that is not bound yet is on no such list.
    if is_forbidden(&refused) && !node.is_empty() {
        let there = ListParams::default().fields(&format!("spec.nodeName={node},metadata.name={name}"));
        if let Ok(list) = api.list(&there).await {
            return Ok(list.items.into_iter().next());
        }
    }
    Err(Failure::from_kube("read the pod again", &refused).object(format!("pod/{name} -n {namespace}")))
}
