//! What everybody does with it: plan, cordon, drain, uncordon.

use ::testbed::shared;
use serde_json::json;

use crate::plugin::{drain, safe_drain};

#[test]
fn a_node_is_drained_and_brought_back() {
    let room = shared().room(2);
    room.deployment("web", 4);
    room.daemonset("agent");
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.ready("web", 4);
    room.ready("agent", 2);
    room.budget_allows("web", 1);
    let node = room.nodes()[0].as_str();
    let here = room.pods_on(node).len();

    let (outcome, record) = drain(&room, &[node]).watched();
    outcome.expect("drained", 0);
    assert_eq!((outcome.count("gone"), outcome.count("kept")), (here - 1, 1), "{outcome}");
    assert_eq!(record.lowest_healthy("web"), Some(3));
    assert_eq!(room.pods_on(node).len(), 1, "only the DaemonSet's pod is left");

    let back = safe_drain(&room, &[node, "--uncordon"]).run();
    assert_eq!(back.code, 0, "{back}");
    assert!(room.node(node)["spec"]["unschedulable"].is_null());
}
