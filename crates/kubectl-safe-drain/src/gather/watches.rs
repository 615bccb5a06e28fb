//! The watches that a drain runs on: the node whose pods are being evicted, its pods, and the budgets.

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use plugin_client::api::watch::Watched;
use plugin_client::{Cluster, Failure, Feed, feed};

use super::scope::{Scope, strip_pod};

pub type NodeFeed = BoxStream<'static, Result<Feed<Node>, Failure>>;
pub type PodFeed = BoxStream<'static, Result<Feed<Pod>, Failure>>;
pub type BudgetFeed = BoxStream<'static, Result<Feed<PodDisruptionBudget>, Failure>>;

/// Where nodes cannot be watched (no right to, as a rule), the node is read this often instead.
const POLL: Duration = Duration::from_secs(2);

pub fn pod_feed(cluster: &Cluster, node: &str, scope: &Scope<'_>) -> PodFeed {
    let mut watched = scope.watched().fields(&format!("spec.nodeName={node}"));
    if let Some(selector) = scope.pod_selector {
        watched = watched.labels(selector);
    }
    feed(Api::all(cluster.client.clone()), watched).map_ok(strip).boxed()
}

fn strip(news: Feed<Pod>) -> Feed<Pod> {
    match news {
        Feed::Synced(pods) => Feed::Synced(pods.into_iter().map(strip_pod).collect()),
        Feed::Applied(pod) => Feed::Applied(strip_pod(pod)),
        other => other,
    }
}

pub fn budget_feed(cluster: &Cluster, scope: &Scope<'_>) -> BudgetFeed {
    feed(Api::all(cluster.client.clone()), scope.watched()).boxed()
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
            if matches!(failure.code, Some(401 | 403)) {
                Err(failure)
            } else {
                Ok(Feed::Interrupted(failure))
            }
        }
    }
}
