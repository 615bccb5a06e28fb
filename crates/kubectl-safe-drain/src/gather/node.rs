//! One node while it is drained: read anew with everything on it, and watched.

use std::time::Duration;

use cluster_model::{NodeExt, PodExt, Snapshot};
use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::{Node, Pod, PodSpec};
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::watch::Watched;
use plugin_client::{Cluster, Failure, Feed, feed};

use super::{Scope, awaited, owners, volumes};
use crate::execute::engine::NodeNow;

pub type NodeFeed = BoxStream<'static, Result<Feed<Node>, Failure>>;

/// Where nodes cannot be watched (no right to, as a rule), the node is read this often instead.
const POLL: Duration = Duration::from_secs(2);

/// The node and everything on it, by fresh and consistent reads.
pub async fn node_now(cluster: &Cluster, name: &str, scope: &Scope<'_>) -> Result<NodeNow, Failure> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let pods: Api<Pod> = Api::all(cluster.client.clone());
    let here = ListParams::default().fields(&format!("spec.nodeName={name}"));
    let selected = match scope.pod_selector {
        Some(selector) => here.clone().labels(selector),
        None => here,
    };
    let names = [name.to_owned()];
    let (node, pods, awaited) = futures::join!(
        nodes.get_opt(name),
        pods.list(&selected),
        awaited::gather(cluster, &names, scope.pod_selector)
    );
    let node = node.map_err(|e| Failure::from_kube("read the node again", &e))?;
    let pods = pods.map_err(|e| Failure::from_kube("list the node's pods again", &e))?.items;
    let awaited = match awaited {
        Ok(awaited) => awaited.into_iter().map(|(_, pod)| pod).collect(),
        // The plan says that it is not known.
        Err(failure) if failure.code == Some(403) => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let unselected = match scope.pod_selector {
        Some(_) => unselected(cluster, name, &pods).await?,
        None => Vec::new(),
    };
    Ok(NodeNow { cordoned: node.map(|n| n.is_cordoned()), pods, unselected, awaited })
}

/// The pods on the node that are not among those selected: their metadata, which is all that the report needs.
pub async fn unselected(cluster: &Cluster, node: &str, selected: &[Pod]) -> Result<Vec<Pod>, Failure> {
    let api: Api<Pod> = Api::all(cluster.client.clone());
    let here = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let all = api.list_metadata(&here).await;
    let all = all.map_err(|e| Failure::from_kube("list the pods that are not selected", &e))?;
    let spec = || PodSpec { node_name: Some(node.to_owned()), ..PodSpec::default() };
    let pods = all.items.into_iter().map(|partial| Pod {
        metadata: partial.metadata,
        spec: Some(spec()),
        ..Pod::default()
    });
    Ok(pods.filter(|pod| !selected.iter().any(|other| other.uid() == pod.uid())).collect())
}

/// What decides about a pod that came after the plan.
pub async fn inspect(cluster: &Cluster, pod: Pod) -> Snapshot {
    let mut alone = Snapshot { pods: vec![pod], ..Snapshot::empty(cluster.now()) };
    let (owners, volumes) = futures::join!(owners::gather(cluster, &alone), volumes::gather(cluster, &alone));
    (alone.owners, alone.volumes) = (owners, volumes);
    alone
}

/// The node as it changes.
pub fn node_feed(cluster: &Cluster, name: &str) -> NodeFeed {
    let api: Api<Node> = Api::all(cluster.client.clone());
    let watched = Watched::default().fields(&format!("metadata.name={name}"));
    let watch: NodeFeed = feed(api.clone(), watched).boxed();
    let state = (Some(watch), api, name.to_owned());
    stream::unfold(state, |(mut watch, api, name)| async move {
        let news = match &mut watch {
            Some(feed) => feed.next().await?,
            None => poll(&api, &name).await,
        };
        if news.is_err() && watch.is_some() {
            let news = poll(&api, &name).await;
            return Some((news, (None, api, name)));
        }
        Some((news, (watch, api, name)))
    })
    .boxed()
}

/// A refusal is an error as it is of a watch; what passes is no more than a disturbance.
async fn poll(api: &Api<Node>, name: &str) -> Result<Feed<Node>, Failure> {
    tokio::time::sleep(POLL).await;
    match api.get_opt(name).await {
        Ok(node) => Ok(Feed::Synced(node.into_iter().collect())),
        Err(error) => {
            let failure = Failure::from_kube("read the node again", &error);
            if matches!(failure.code, Some(401 | 403)) { Err(failure) } else { Ok(Feed::Disturbed(failure)) }
        }
    }
}
