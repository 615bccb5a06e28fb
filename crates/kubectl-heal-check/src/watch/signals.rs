//! Watches that say that something changed. Objects are dropped as they come, but for what is seen of nodes over time.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use cluster_model::NodeExt;
use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use plugin_client::api::watch::Watched as Selected;
use plugin_client::{Cluster, Failure, Feed, feed, feed_of};

use crate::gather::objects;
use crate::snapshot::{NODE_LEASES, Read};

pub enum Signal {
    Changed,
    Node {
        node: Box<Node>,
        /// More than its heartbeat.
        is_changed: bool,
    },
    /// Of a node: it was renewed, or taken.
    Lease(Box<Lease>),
    /// Renewals may have been missed.
    LeasesInterrupted,
    /// The Leases of nodes are not seen, and why.
    NoLeases(Failure),
    /// It is not watched any more, and why.
    Ended(Failure),
}

/// What is watched: of a namespace (`None`: of all) the kinds that are read.
pub struct Watched<'a> {
    pub namespace: Option<&'a str>,
    pub reads: &'a BTreeSet<Read>,
    /// Those of nodes, which every kubelet renews every ten seconds.
    pub leases: bool,
}

pub fn start(cluster: &Cluster, watched: Watched<'_>) -> BoxStream<'static, Signal> {
    let kinds = watched.reads.iter().copied().filter(|read| read.is_watched());
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
    let leases = watched.leases.then(|| leases(cluster));
    stream::select_all(all.chain(leases)).boxed()
}

fn leases(cluster: &Cluster) -> BoxStream<'static, Signal> {
    let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), NODE_LEASES);
    let seen = |lease| Signal::Lease(Box::new(lease));
    let each = move |item| match item {
        // What was there before the list is not compared with what is in it.
        Ok(Feed::Synced(leases)) => {
            [Signal::LeasesInterrupted].into_iter().chain(leases.into_iter().map(seen)).collect()
        }
        Ok(Feed::Applied(lease)) => vec![seen(lease)],
        Ok(Feed::Deleted(_)) => Vec::new(),
        Ok(Feed::Interrupted(_)) => vec![Signal::LeasesInterrupted],
        Err(failure) => vec![Signal::NoLeases(failure)],
    };
    feed(leases, Selected::default()).map(each).flat_map(stream::iter).boxed()
}

fn nodes(cluster: &Cluster) -> BoxStream<'static, Signal> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let mut known: BTreeMap<String, u64> = BTreeMap::new();
    let mut seen = move |node: Node| {
        let fingerprint = fingerprint(&node);
        let is_changed = known.insert(node.name().to_owned(), fingerprint) != Some(fingerprint);
        Signal::Node { node: Box::new(node), is_changed }
    };
    let each = move |item| match item {
        Ok(Feed::Synced(nodes)) => Vec::from_iter(nodes.into_iter().map(&mut seen)),
        Ok(Feed::Applied(node)) => vec![seen(node)],
        other => Vec::from_iter(changed(other)),
    };
    feed(nodes, Selected::default()).map(each).flat_map(stream::iter).boxed()
}

/// Of all but what every kubelet writes every few minutes to say that it is there.
fn fingerprint(node: &Node) -> u64 {
    let mut node = node.clone();
    node.metadata.resource_version = None;
    for condition in node.status.iter_mut().flat_map(|it| it.conditions.iter_mut().flatten()) {
        condition.last_heartbeat_time = None;
    }
    let mut hasher = DefaultHasher::new();
    // A node that cannot be written as JSON does not exist.
    serde_json::to_string(&node).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

fn changed<K>(item: Result<Feed<K>, Failure>) -> Option<Signal> {
    match item {
        // One that is interrupted is retried, and a list follows. Whether the server is away the next look tells, once: the first time as
        // well as any later time.
        Ok(Feed::Synced(_) | Feed::Applied(_) | Feed::Deleted(_) | Feed::Interrupted(_)) => {
            Some(Signal::Changed)
        }
        // A server without the kind.
        Err(failure) if failure.code == Some(404) => None,
        Err(failure) => Some(Signal::Ended(failure)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_watch_that_is_interrupted_is_a_reason_to_look() {
        let failure = || Failure::failed("cannot watch pods");
        let is_look = |item| matches!(changed::<()>(item), Some(Signal::Changed));
        assert!(is_look(Ok(Feed::Interrupted(failure()))) && is_look(Ok(Feed::Synced(Vec::new()))));
        assert!(!is_look(Err(Failure { code: Some(404), ..failure() })));
    }

    #[test]
    fn a_heartbeat_is_no_change_of_a_node() {
        let node = |version: &str, beat: &str, status: &str| {
            let ready = json!({"type": "Ready", "status": status, "lastHeartbeatTime": beat});
            let node = json!({"metadata": {"name": "n1", "resourceVersion": version}, "status": {"conditions": [ready]}});
            fingerprint(&serde_json::from_value(node).unwrap())
        };
        let before = node("1", "2026-01-01T00:00:00Z", "True");
        assert_eq!(node("2", "2026-01-01T00:05:00Z", "True"), before);
        assert_ne!(node("2", "2026-01-01T00:05:00Z", "False"), before);
    }
}
