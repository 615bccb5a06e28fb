//! HC805: a node that is Ready and not Ready in turns.

use cluster_model::NodeExt;

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::finding::Subject;
use crate::snapshot::{Read, Snapshot};

/// A node that is restarted has two.
const TRANSITIONS: usize = 2;

pub const CHECK: Check = Check {
    id: "HC805",
    name: "flapping",
    about: About::Now,
    severities: &[Warning],
    reads: &[Read::Nodes],
    fires_when: "with --watch: a node became Ready or stopped being Ready more than twice within 15 minutes",
    why: "Its pods leave their Services and come back each time, and are deleted if it lasts as long as their tolerationSeconds.",
    remedy: "look at its kubelet, its network and its load; cordon and drain it meanwhile",
    exceptions: "One look shows no history: without --watch this is not asked. A restart is two changes.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let Some(history) = &snapshot.node_history else {
        return found.unknown("nodes are observed over time only with --watch");
    };
    for node in snapshot.nodes.iter() {
        let transitions = history.transitions(node.name(), snapshot.now);
        if transitions > TRANSITIONS {
            let message = format!("became Ready or not Ready {transitions} times within 15 min");
            found.add(Warning, &Subject::new("Node", "", node.name()), message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{NOW, World, cases, healthy};
    use k8s_openapi::api::core::v1::Node;
    use serde_json::json;

    /// It was seen in these states, one each so many minutes ago; `since` is when the last state began.
    fn seen(states: &[(&str, &str, i64)]) -> World {
        let mut world = healthy();
        for (status, since, minutes) in states {
            let ready = json!({"type": "Ready", "status": status, "lastTransitionTime": since});
            let node: Node = serde_json::from_value(
                json!({"metadata": {"name": "n1", "uid": "node-0"}, "status": {"conditions": [ready]}}),
            )
            .unwrap();
            let now: k8s_openapi::jiff::Timestamp = NOW.parse().unwrap();
            world.node_history.observe(&node, now - k8s_openapi::jiff::SignedDuration::from_mins(*minutes));
        }
        world
    }

    #[test]
    fn hc805_flapping() {
        let (a, b) = ("2026-01-01T23:00:00Z", "2026-01-01T23:50:00Z");
        let fires: &[&str] = &["node/n1 warning"];
        cases(
            &CHECK,
            &[
                (
                    "three times",
                    seen(&[("True", a, 9), ("False", b, 8), ("True", b, 7), ("Unknown", b, 6)]),
                    fires,
                ),
                ("a restart", seen(&[("True", a, 9), ("False", b, 8), ("True", b, 7)]), &[]),
                (
                    "long ago",
                    seen(&[("True", a, 19), ("False", b, 18), ("True", b, 17), ("Unknown", b, 6)]),
                    &[],
                ),
                (
                    "there and back unseen, then down",
                    seen(&[("True", a, 9), ("True", b, 8), ("False", b, 7)]),
                    fires,
                ),
                (
                    "the same state again",
                    seen(&[("True", a, 9), ("True", a, 8), ("True", a, 7), ("True", a, 6)]),
                    &[],
                ),
            ],
        );
    }

    #[test]
    fn one_look_says_nothing_of_it() {
        let snapshot = Snapshot { node_history: None, ..healthy().snapshot() };
        let mut found = Found::by(&CHECK);
        run(&snapshot, &mut found);
        assert_eq!((found.findings.len(), found.unchecked.len()), (0, 1));
    }
}
