//! `--disable-eviction`: kubectl's way past every budget, with a guard and a warning.

use ::testbed::shared;
use serde_json::json;

use crate::plugin::{drain, text};

#[test]
fn deletion_bypasses_budgets_carries_the_uid_and_warns() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.deployment("web", 2);
    room.budget("web", "web", json!({"minAvailable": 2}));
    room.ready("web", 2);
    super::budget_counts(&room, "web", 2, 2);

    drain(&room, &[node]).watched().0.expect("blocked", 3);
    let (outcome, record, audit) =
        drain(&room, &[node, "--disable-eviction", "--grace-period=3"]).watch().finish_unchecked();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 2, "{outcome}");
    let finding = outcome.finding("budgets-bypassed");
    assert_eq!(text(&finding, "severity"), "warning");
    assert!(outcome.err.contains("--disable-eviction deletes them"), "{outcome}");

    let deletes = audit.filter(|entry| entry.verb == "delete" && entry.resource == "pods");
    assert_eq!((deletes.len(), audit.evictions().len()), (2, 0), "{audit}");
    for entry in deletes.iter() {
        let body = &entry.request_object;
        assert!(body["preconditions"]["uid"].is_string() && body["gracePeriodSeconds"] == 3, "{body:#}");
    }
    // The budget was broken, as requested; no other invariant was.
    let broken = record.broken_invariants(&outcome.report(), &audit);
    assert!(!broken.is_empty() && broken.iter().all(|line| line.starts_with("budget ")), "{broken:?}");
}
