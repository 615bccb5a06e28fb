//! When a node was unschedulable, by the server's own times: no pod is moved from a node that may take new ones.

use std::collections::BTreeSet;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::version;
use crate::audit::{Audit, Entry};
use crate::record::Record;

/// How long after somebody else's uncordon requests may still arrive that were on their way: the run learns of it by its watch.
const IN_FLIGHT: SignedDuration = SignedDuration::from_millis(500);

/// A time in which a node was unschedulable; open where it began before the run or has not ended.
struct Span {
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Span {
    /// Bounds are generous by the length of one request: when within it the server acted is not known.
    fn holds(&self, moment: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= moment) && self.until.is_none_or(|until| moment <= until)
    }
}

impl Record {
    /// One line for every accepted removal of a pod whose node was schedulable when the request arrived.
    pub(super) fn removals_from_schedulable_nodes(&self, audit: &Audit) -> Vec<String> {
        let own: BTreeSet<&str> = audit.iter().map(|entry| entry.user_agent.as_str()).collect();
        let mut broken = Vec::new();
        for (uid, entry) in self.removals(audit) {
            let Some(node) = self.node_of(&uid) else { continue };
            if !self.unschedulable(node, &own).iter().any(|span| span.holds(entry.received)) {
                broken.push(format!(
                    "{} {} was accepted, and {node} was schedulable when it arrived ({})",
                    entry.verb, entry.uri, entry.received
                ));
            }
        }
        broken
    }

    /// From the writes of all users; how the node was found is from the watcher. `own`: the user agents of the run.
    fn unschedulable(&self, node: &str, own: &BTreeSet<&str>) -> Vec<Span> {
        let mut spans = Vec::new();
        let found = self.of("Node", node).next();
        if found.is_some_and(|event| event.object["spec"]["unschedulable"] == true) {
            spans.push(Span { from: None, until: None });
        }
        let since = found.map_or(0, |event| event.version);
        let mut writes: Vec<&Entry> = self
            .requests
            .iter()
            .filter(|entry| entry.resource == "nodes" && entry.name == node && entry.subresource.is_empty())
            .filter(|entry| entry.is_write() && entry.took_effect())
            // Components' writes are recorded without bodies; none of them cordons.
            .filter(|entry| entry.verb == "delete" || entry.response_object["spec"].is_object())
            .filter(|entry| entry.verb == "delete" || version(&entry.response_object) > since)
            .collect();
        writes.sort_by_key(|entry| entry.answered);
        for entry in writes {
            let open = spans.last_mut().filter(|span| span.until.is_none());
            // A node that is gone takes no pods either.
            let unschedulable =
                entry.verb == "delete" || entry.response_object["spec"]["unschedulable"] == true;
            match (open, unschedulable) {
                (None, true) => spans.push(Span { from: Some(entry.received), until: None }),
                (Some(span), false) if own.contains(entry.user_agent.as_str()) => {
                    span.until = Some(entry.answered);
                }
                (Some(span), false) => span.until = Some(entry.answered + IN_FLIGHT),
                _ => {}
            }
        }
        spans
    }
}
