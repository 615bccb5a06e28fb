//! Dry runs change nothing: cases 26 and 30.

use ::testbed::shared;
use serde_json::json;

use super::{is_cordoned, uids};
use crate::plugin::drain;

/// With and without evictions, on the client's word and on the server's; a blocked budget ends the server's (kubectl's never returns).
#[test]
fn a_dry_run_leaves_node_and_pods_as_they_are() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.deployment("free", 2);
    room.deployment("tight", 2);
    // Exhausted rather than impossible: three pods are expected, two are healthy, and two are needed.
    room.pod_with("unhealthy", |pod| {
        pod["metadata"]["labels"]["app"] = json!("tight");
        ::testbed::annotate(pod, "testbed/failure", "never-ready");
    });
    room.budget("tight", "tight", json!({"minAvailable": 2}));
    room.ready("free", 2);
    super::budget_counts(&room, "tight", 3, 2);
    let before = uids(&room.pods());

    let cases: [(&[&str], &str, i32, usize); 4] = [
        (&["--dry-run"], "planned", 0, 0),
        (&["--dry-run=client", "--disable-eviction"], "planned", 0, 0),
        (&["--dry-run=server"], "blocked", 3, 2),
        (&["--dry-run=server", "--disable-eviction"], "planned", 0, 0),
    ];
    for (flags, result, code, blocked) in cases {
        let watched = drain(&room, &[&[node, "--force"], flags].concat()).watch();
        let (outcome, record, audit) = watched.finish();
        outcome.expect(result, code);
        assert_eq!(outcome.count("blocked"), blocked, "{flags:?}\n{outcome}");
        assert_eq!(record.deleted_uids().len(), 0, "{flags:?}");
        assert!(audit.writes().iter().all(|entry| entry.is_dry_run()), "{flags:?}\n{audit}");
        let asked = audit.writes().len();
        assert_eq!(
            asked,
            if flags[0] == "--dry-run=server" { before.len() } else { 0 },
            "{flags:?}\n{audit}"
        );
    }
    assert_eq!(uids(&room.pods()), before);
    assert!(!is_cordoned(&room, node));
    let budget = shared().get(&room.path("policy", "poddisruptionbudgets/tight"));
    assert!(
        budget["status"]["disruptedPods"].as_object().is_none_or(serde_json::Map::is_empty),
        "{budget:#}"
    );
}
