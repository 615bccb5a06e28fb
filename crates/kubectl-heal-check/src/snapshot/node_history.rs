//! What nodes did while they were watched (`--watch`): when each became Ready or stopped being so.

use std::collections::BTreeMap;

use cluster_model::NodeExt;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::Timestamp;

use super::lease_history::{KEPT, LeaseHistory};

/// More transitions of one node than that are not told apart.
const MOST: usize = 100;

#[derive(Clone, Debug, Default)]
pub struct NodeHistory {
    nodes: BTreeMap<String, Seen>,
    pub leases: LeaseHistory,
}

#[derive(Clone, Debug)]
struct Seen {
    uid: String,
    is_ready: bool,
    since: Option<Timestamp>,
    /// When it was seen to be another one.
    transitions: Vec<Timestamp>,
}

impl NodeHistory {
    /// It begins with what the first look saw: a watch may begin to report later than a node changes.
    pub fn of<'n>(nodes: impl IntoIterator<Item = &'n Node>, now: Timestamp) -> Self {
        let mut history = NodeHistory::default();
        nodes.into_iter().for_each(|node| history.observe(node, now));
        history
    }

    /// `now`: by the server's clock.
    pub fn observe(&mut self, node: &Node, now: Timestamp) {
        let conditions = node.status.as_ref().and_then(|it| it.conditions.as_deref()).unwrap_or_default();
        let ready = conditions.iter().find(|it| it.type_ == "Ready");
        let is_ready = ready.is_some_and(|it| it.status == "True");
        let since = ready.and_then(|it| it.last_transition_time.as_ref()).map(|it| it.0);
        let uid = node.metadata.uid.clone().unwrap_or_default();
        let new = Seen { uid, is_ready, since, transitions: Vec::new() };
        let seen = self.nodes.entry(node.name().to_owned()).or_insert_with(|| new.clone());
        if seen.uid != new.uid {
            *seen = new;
            return;
        }
        // The same again, but since another time: it changed there and back unseen.
        let times = match (seen.is_ready != is_ready, seen.since != since) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 0,
        };
        (seen.is_ready, seen.since) = (is_ready, since);
        seen.transitions.retain(|at| now.duration_since(*at) < KEPT);
        seen.transitions.extend(std::iter::repeat_n(now, times));
        seen.transitions.truncate(MOST);
    }

    /// How often it changed within the time that is kept.
    pub fn transitions(&self, node: &str, now: Timestamp) -> usize {
        let of_node = self.nodes.get(node).into_iter().flat_map(|it| &it.transitions);
        of_node.filter(|at| now.duration_since(**at) < KEPT).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The watch begins to report when the node is not Ready any more.
    #[test]
    fn what_the_first_look_saw_counts() {
        let now: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        let node = |status: &str| -> Node {
            let ready =
                json!({"type": "Ready", "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z"});
            let node = json!({"metadata": {"name": "n1", "uid": "u"}, "status": {"conditions": [ready]}});
            serde_json::from_value(node).unwrap()
        };
        let mut history = NodeHistory::of([&node("True")], now);
        for status in ["False", "True", "False"] {
            history.observe(&node(status), now);
        }
        assert_eq!(history.transitions("n1", now), 3);
    }
}
