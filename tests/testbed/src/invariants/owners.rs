//! How much each owner loses: a drain may meet late replacements once, and never chases them round and round.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{controller, text, uid};
use crate::audit::Audit;
use crate::record::{Change, Event, Record};

impl Record {
    /// One line for every owner that lost more than twice the pods it had on a node.
    pub(super) fn excessive_losses(&self, audit: &Audit) -> Vec<String> {
        let mut lost: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
        for (uid, _) in self.removals(audit) {
            let Some(node) = self.node_of(&uid) else { continue };
            let Some(pod) = self.pod(&uid).next() else { continue };
            lost.entry((self.owner(&pod.object), node)).or_default().insert(uid);
        }
        let mut broken = Vec::new();
        for ((owner, node), removed) in &lost {
            let had = self.had(owner, node, removed);
            if removed.len() > 2 * had {
                broken.push(format!(
                    "owner {} lost {} pods on {node}, where it had {had}",
                    self.name_of(owner),
                    removed.len()
                ));
            }
        }
        broken
    }

    /// The UID of the controller; of a Deployment, for its ReplicaSets. A pod that nobody owns is its own.
    fn owner(&self, pod: &Value) -> String {
        let Some(owner) = controller(pod) else { return uid(pod).to_owned() };
        let above = (owner["kind"] == "ReplicaSet").then(|| {
            let sets = self.events.iter().filter(|event| event.kind == "ReplicaSet");
            sets.filter(|event| owner["uid"] == event.uid()).find_map(|event| controller(&event.object))
        });
        text(above.flatten().unwrap_or(owner), "uid").to_owned()
    }

    /// How many pods of the owner were on the node when it was cordoned, or came before the owner's first pod left.
    fn had(&self, owner: &str, node: &str, removed: &BTreeSet<String>) -> usize {
        let is_leaving = |event: &&Event| {
            event.change == Change::Deleted || !event.object["metadata"]["deletionTimestamp"].is_null()
        };
        let left = |uid: &String| self.pod(uid).find(is_leaving).map(|event| event.version);
        let first_left = removed.iter().filter_map(left).min().unwrap_or(u64::MAX);
        let cordoned = self.of("Node", node).find(|event| event.object["spec"]["unschedulable"] == true);
        let cordoned = cordoned.map_or(0, |event| event.version);
        let here = |event: &&Event| {
            event.kind == "Pod"
                && event.version < first_left
                && event.object["spec"]["nodeName"] == *node
                && self.owner(&event.object) == *owner
        };
        let gone_before = |uid: &str| {
            self.pod(uid).any(|event| event.change == Change::Deleted && event.version < cordoned)
        };
        let pods: BTreeSet<&str> = self.events.iter().filter(here).map(Event::uid).collect();
        pods.into_iter().filter(|uid| !gone_before(uid)).count()
    }

    fn name_of(&self, owner: &str) -> String {
        let seen = self.events.iter().find(|event| event.uid() == owner);
        seen.map_or_else(|| owner.to_owned(), |event| format!("{} {}", event.kind, event.name()))
    }
}
