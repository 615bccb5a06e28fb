//! HC805: a node that is Ready and not Ready in turns.

use cluster_model::NodeExt;
use cluster_model::text::span;

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::finding::Subject;
use crate::snapshot::{Read, Snapshot};

/// A node that is restarted has two.
const TRANSITIONS: usize = 2;
/// And one of these.
const GAPS: usize = 1;

pub const CHECK: Check = Check {
    id: "HC805",
    name: "flapping",
    about: About::Now,
    severities: &[Warning],
    reads: &[Read::Nodes],
    fires_when: "with --watch: a node became Ready or stopped being Ready more than twice within 15 minutes, or is Ready and did not renew its Lease for longer than this lasts (40 s by default) twice in that time",
    why: "Its pods leave their Services and come back each time, and are deleted if it lasts as long as their tolerationSeconds.",
    remedy: "look at its kubelet, its network and its load; cordon and drain it meanwhile",
    exceptions: "One look shows no history: without --watch this is not asked. A restart is two changes, or one gap. Renewals that may have been missed by the watch itself do not count; if the Leases of nodes (namespace kube-node-lease) may not be watched, that part is unchecked.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let Some(history) = &snapshot.node_history else {
        return found.unknown("nodes are observed over time only with --watch");
    };
    for node in snapshot.nodes.iter() {
        let transitions = history.transitions(node.name(), snapshot.now);
        let gaps = history.leases.gaps(node.name(), snapshot.now);
        let longest = gaps.iter().max().filter(|_| gaps.len() > GAPS && node.not_ready().is_none());
        let message = match longest {
            _ if transitions > TRANSITIONS => {
                format!("became Ready or not Ready {transitions} times within 15 min")
            }
            Some(gap) => format!(
                "is Ready, but did not renew its Lease in time {} times within 15 min, once for {}: it lasts {}",
                gaps.len(),
                span(gap.seconds),
                span(gap.duration)
            ),
            None => continue,
        };
        found.add(Warning, &Subject::new("Node", "", node.name()), message);
    }
    if let Some(why) = &history.leases.unseen {
        found.unknown(format!("whether nodes renew their Leases: {why}"));
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

    /// Its Lease, which lasts 40 seconds, was renewed after so many seconds each.
    fn renewed_after(seconds: &[i64]) -> World {
        let mut world = healthy();
        let now: k8s_openapi::jiff::Timestamp = NOW.parse().unwrap();
        let mut at = now - k8s_openapi::jiff::SignedDuration::from_mins(10);
        for wait in [0].iter().chain(seconds) {
            at += k8s_openapi::jiff::SignedDuration::from_secs(*wait);
            let lease = json!({"metadata": {"name": "n1"}, "spec": {"holderIdentity": "n1",
                "renewTime": format!("{at:.6}"), "leaseDurationSeconds": 40}});
            world.node_history.leases.observe(&serde_json::from_value(lease).unwrap(), now);
        }
        world
    }

    #[test]
    fn a_node_that_is_ready_and_silent_in_turns() {
        let fires: &[&str] = &["node/n1 warning"];
        let twice = || renewed_after(&[10, 45, 10, 70, 10]);
        let down =
            json!({"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T23:59:50Z"});
        let mut blind = twice();
        blind.node_history.leases.unseen = Some("forbidden".to_owned());
        cases(
            &CHECK,
            &[
                ("twice", twice(), fires),
                ("in time", renewed_after(&[10, 40, 10, 40]), &[]),
                ("a restart", renewed_after(&[10, 70, 10]), &[]),
                ("it is down", twice().edit("Node/n1", json!({"status": {"conditions": [down]}})), &[]),
                ("not seen any more", blind, &["node/n1 warning", "unchecked"]),
            ],
        );
        assert_eq!(
            twice().message(&CHECK),
            "is Ready, but did not renew its Lease in time 2 times within 15 min, once for 1m10s: it lasts 40s"
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
