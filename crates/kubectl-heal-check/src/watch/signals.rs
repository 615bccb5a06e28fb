//! Watches that say that something changed. Objects are dropped as they come, but for what is seen of nodes over time.

use std::collections::BTreeSet;

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use plugin_client::api::watch::Watched as Selected;
use plugin_client::{Cluster, Failure, Feed, feed, feed_of};

use crate::gather::objects;
use crate::snapshot::Read;

pub enum Signal {
    Changed,
    Node(Box<Node>),
    /// It is not watched any more, and why.
    Ended(Failure),
}

/// What is watched: of a namespace (`None`: of all) the kinds that are read.
pub struct Watched<'a> {
    pub namespace: Option<&'a str>,
    pub reads: &'a BTreeSet<Read>,
}

/// Leases and Events change all the time, and ConfigMaps may as well: these are seen at the next look. A namespace alone cannot be watched
/// without a right to all.
pub fn is_watched(read: Read) -> bool {
    !read.is_metadata() && !matches!(read, Read::Leases | Read::Events | Read::Namespaces)
}

pub fn start(cluster: &Cluster, watched: Watched<'_>) -> BoxStream<'static, Signal> {
    let kinds = watched.reads.iter().copied().filter(|read| is_watched(*read));
    let all = kinds.map(|read| match read {
        Read::Nodes => nodes(cluster),
        _ => {
            let api = objects::api(cluster, read, watched.namespace);
            // Nothing of the list is kept.
            feed_of(api, read.api().3, Selected::default(), |_| false)
                .filter_map(|item| async move { changed(item) })
                .boxed()
        }
    });
    stream::select_all(all).boxed()
}

fn nodes(cluster: &Cluster) -> BoxStream<'static, Signal> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let each = |item| match item {
        Ok(Feed::Synced(nodes)) => nodes.into_iter().map(|node| Signal::Node(Box::new(node))).collect(),
        Ok(Feed::Applied(node)) => vec![Signal::Node(Box::new(node))],
        other => Vec::from_iter(changed(other)),
    };
    feed(nodes, Selected::default()).flat_map(move |item| stream::iter(each(item))).boxed()
}

fn changed<K>(item: Result<Feed<K>, Failure>) -> Option<Signal> {
    match item {
        Ok(Feed::Synced(_) | Feed::Applied(_) | Feed::Deleted(_)) => Some(Signal::Changed),
        // It is retried, and a list follows.
        Ok(Feed::Interrupted(_)) => None,
        // A server without the kind.
        Err(failure) if failure.code == Some(404) => None,
        Err(failure) => Some(Signal::Ended(failure)),
    }
}
