//! Reads the cluster: everything a drain of these nodes has to know, and the feeds that keep it up to date while it runs.
//! Plan and run share one LIST + WATCH per node and one for the budgets.

mod awaited;
mod hooks;
mod node;
mod owners;
mod peers;
mod volumes;

use cluster_model::{Known, NodeExt, Snapshot};
use futures::stream;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::watch::Watched;
use plugin_client::{Cluster, Failure, Feed, feed, is_not_found};

use crate::args::Target;

/// Requests at a time while gathering.
const FAN_OUT: usize = 8;

pub use node::{NodeFeed, inspect, node_feed, node_now};
pub use peers::of as peers_of;

pub type PodFeed = BoxStream<'static, Result<Feed<Pod>, Failure>>;
pub type BudgetFeed = BoxStream<'static, Result<Feed<PodDisruptionBudget>, Failure>>;

/// What keeps the snapshot true after it was taken.
pub struct Feeds {
    /// By node, in the snapshot's order.
    pub pods: Vec<(String, PodFeed)>,
    /// `None`: budgets may not be read.
    pub budgets: Option<BudgetFeed>,
}

pub struct Scope<'a> {
    pub pod_selector: Option<&'a str>,
    pub chunk_size: u32,
}

impl Scope<'_> {
    fn watched(&self) -> Watched {
        let config = Watched::default();
        match self.chunk_size {
            0 => Watched { page_size: None, ..config },
            size => config.page_size(size),
        }
    }
}

/// The nodes meant, each of which exists.
pub async fn nodes(cluster: &Cluster, target: &Target) -> Result<Vec<Node>, Failure> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    match target {
        Target::Selector(selector) => {
            let list = api.list(&ListParams::default().labels(selector)).await;
            let list =
                list.map_err(|e| bad_selector("--selector", selector, Failure::from_kube("list nodes", &e)))?;
            if list.items.is_empty() {
                return Err(Failure::refused(format!("no node matches --selector {selector}"))
                    .hint("kubectl get nodes --show-labels"));
            }
            Ok(list.items)
        }
        Target::Names(names) => {
            let found = stream::iter(names)
                .map(|name| node(&api, name))
                .buffered(FAN_OUT)
                .try_collect::<Vec<_>>()
                .await?;
            Ok(found)
        }
    }
}

async fn node(api: &Api<Node>, name: &str) -> Result<Node, Failure> {
    api.get(name).await.map_err(|error| {
        if is_not_found(&error) {
            Failure::refused("there is no such node").object(format!("node/{name}")).hint("kubectl get nodes")
        } else {
            Failure::from_kube("read the node", &error).object(format!("node/{name}"))
        }
    })
}

/// A consistent picture of these nodes, and the feeds that go on from it.
pub async fn snapshot(
    cluster: &Cluster,
    nodes: Vec<Node>,
    scope: &Scope<'_>,
) -> Result<(Snapshot, Feeds), Failure> {
    // By the server's clock: the nodes were its first answer.
    let mut snapshot = Snapshot::empty(cluster.now());
    let mut feeds = Feeds { pods: Vec::new(), budgets: None };
    for node in &nodes {
        let mut watched = scope.watched().fields(&format!("spec.nodeName={}", node.name()));
        if let Some(selector) = scope.pod_selector {
            watched = watched.labels(selector);
        }
        let mut pods: PodFeed = feed(Api::all(cluster.client.clone()), watched).map_ok(lean).boxed();
        let list = first_list(&mut pods).await;
        let list = list.map_err(|failure| {
            bad_selector("--pod-selector", scope.pod_selector.unwrap_or_default(), failure)
        })?;
        if scope.pod_selector.is_some() {
            snapshot.unselected.extend(node::unselected(cluster, node.name(), &list).await?);
        }
        snapshot.pods.extend(list);
        feeds.pods.push((node.name().to_owned(), pods));
    }
    let mut budgets: BudgetFeed = feed(Api::all(cluster.client.clone()), scope.watched()).boxed();
    snapshot.budgets = match first_list(&mut budgets).await {
        Ok(list) => {
            feeds.budgets = Some(budgets);
            Known::Seen(list)
        }
        Err(failure) => Known::Unknown(failure.to_string()),
    };
    let names: Vec<String> = nodes.iter().map(|n| n.name().to_owned()).collect();
    snapshot.nodes = nodes;
    let (awaited, owners, volumes, hooks, peers) = futures::join!(
        awaited::gather(cluster, &names, scope.pod_selector),
        owners::gather(cluster, &snapshot),
        volumes::gather(cluster, &snapshot),
        hooks::gather(cluster, &snapshot),
        peers::gather(cluster, &snapshot),
    );
    snapshot.awaited = match awaited {
        Ok(awaited) => Known::Seen(awaited),
        Err(failure) => Known::Unknown(failure.to_string()),
    };
    snapshot.owners = owners;
    snapshot.volumes = volumes;
    snapshot.hooks = hooks;
    snapshot.peers = peers;
    Ok((snapshot, feeds))
}

/// Only the server knows the whole grammar; what it does not understand is wrong usage.
fn bad_selector(flag: &str, selector: &str, failure: Failure) -> Failure {
    if selector.is_empty() || failure.code != Some(400) {
        return failure;
    }
    let cause = failure.cause.unwrap_or_default();
    Failure::usage(format!("{flag} {selector}: the server does not understand it"))
        .cause(cause)
        .hint("write it as in app=web,tier!=cache")
}

/// Without what no step reads. A node has a hundred pods and more, and containers are most of a pod.
fn lean(news: Feed<Pod>) -> Feed<Pod> {
    match news {
        Feed::Synced(mut pods) => {
            pods.iter_mut().for_each(strip);
            Feed::Synced(pods)
        }
        Feed::Applied(mut pod) => {
            strip(&mut pod);
            Feed::Applied(pod)
        }
        other => other,
    }
}

fn strip(pod: &mut Pod) {
    if let Some(spec) = &mut pod.spec {
        (spec.containers, spec.init_containers) = (Vec::new(), None);
        spec.topology_spread_constraints = None;
        // Of its affinity only which nodes it names is read.
        if let Some(affinity) = &mut spec.affinity {
            (affinity.pod_affinity, affinity.pod_anti_affinity) = (None, None);
        }
    }
}

/// A server that cannot be heard is ridden out during a drain, but not before it: nothing has been started yet.
async fn first_list<K>(feed: &mut BoxStream<'static, Result<Feed<K>, Failure>>) -> Result<Vec<K>, Failure> {
    match feed.next().await {
        Some(Ok(Feed::Synced(list))) => Ok(list),
        Some(Ok(Feed::Disturbed(failure)) | Err(failure)) => Err(failure),
        Some(Ok(Feed::Applied(_) | Feed::Deleted(_))) | None => {
            Err(Failure::failed("the server's list ended before it began"))
        }
    }
}

/// The pod of that name, whichever it is now.
pub async fn pod_now(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<Pod>, Failure> {
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    api.get_opt(name).await.map_err(|e| {
        Failure::from_kube("read the pod again", &e).object(format!("pod/{name} -n {namespace}"))
    })
}
