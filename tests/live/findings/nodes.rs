//! Findings about the nodes themselves.

use ::testbed::shared;
use serde_json::json;

use super::{expect, found};
use crate::plugin::{drain, text};
use crate::untouched::untouched;

#[test]
fn nodes_that_are_not_as_they_should_be_are_named() {
    let room = shared().room(3);
    let [unhealthy, cordoned, well] = [0, 1, 2].map(|index| room.nodes()[index].as_str());
    room.node_not_ready(unhealthy);
    let by_hand = format!("/api/v1/nodes/{cordoned}?fieldManager=night-shift");
    room.cluster().merge(&by_hand, &json!({"spec": {"unschedulable": true}}));

    let dry = untouched(&room, &drain(&room, &[unhealthy, cordoned, well, "--dry-run"]));
    dry.expect("planned", 0);
    let not_ready = expect(&dry, "node-not-ready", "warning", unhealthy, "Ready is False (KubeletNotReady)");
    assert!(
        text(&not_ready, "remedy").contains(&format!("kubectl taint nodes {unhealthy} ")),
        "{not_ready:#}"
    );
    expect(&dry, "node-cordoned-before", "info", cordoned, "by night-shift at 20");
    let selected = untouched(&room, &drain(&room, &["--dry-run", "-l", &room.node_selector()]));
    expect(&selected, "node-cordoned-before", "info", cordoned, "by night-shift at 20");
    for id in ["node-not-ready", "node-cordoned-before"] {
        assert!(found(&dry.report(), id, well).is_none(), "{dry}");
    }

    // Somebody else's cordon stays, also when the drain fails or is undone.
    let (outcome, _) = drain(&room, &[cordoned, "--on-failure=uncordon"]).watched();
    outcome.expect("drained", 0);
    assert_eq!(room.node(cordoned)["spec"]["unschedulable"], true);
}
