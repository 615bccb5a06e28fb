//! By number: superseded ones too, and the previous one.

use ::testbed::shared;

use super::{KINDS, app, begun, planned, refused, updated, word};
use crate::plugin::rollback;

#[test]
fn a_superseded_number_leads_to_its_revision_and_the_short_form_is_enough() {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |_| ());
    room.rolled_out("Deployment", "web");
    updated(&room, "Deployment", "web", &app("2"));
    rollback(&room, &["deployment/web", "1"]).run().expect("done", 0);
    assert_eq!(room.images("Deployment", "web"), [(2, app("2")), (3, app("1"))]);
    rollback(&room, &["deploy/web", "2"]).run().expect("done", 0);
    assert_eq!(room.images("Deployment", "web"), [(3, app("1")), (4, app("2"))]);

    let (revision, evidence) = planned(&room, &["deployment/web", "1"]);
    assert_eq!(revision, 3, "{evidence}");
    assert!(evidence.contains("revision 1 is now 3"), "{evidence}");
    assert!(planned(&room, &["deployment/web", "--to-revision=2"]).1.contains("revision 2 is now 4"));
    assert!(planned(&room, &["deployment/web", "--to-revision=3"]).1.contains("revision 3, as requested"));
    rollback(&room, &["deployment/web", "1"]).run().expect("done", 0);
    assert_eq!(room.image("Deployment", "web"), app("1"));
}

/// Their revisions take a new number and forget the old one.
#[test]
fn of_statefulsets_and_daemonsets_a_superseded_number_is_unknown_and_the_reason_is_reported() {
    let room = shared().room(1);
    for kind in ["StatefulSet", "DaemonSet"] {
        begun(&room, kind, "db", |_| ());
        room.observed(kind, "db");
        room.update(kind, "db", &app("2"), None);
        room.observed(kind, "db");
        let word = word(kind, "db");
        rollback(&room, &[&word, "1"]).run().expect("done", 0);
        let hint = format!("a {kind}'s revision takes a new number when it is rolled back to");
        let has = "has no revision 1; it has 2 and 3";
        refused(&room, &[&word, "1"], has, &[&hint, "--history", "REVISION"]);
    }
}

#[test]
fn previous_is_the_second_highest_number_and_reports_its_known_health() {
    // One pod for each of two nodes: the other one goes on serving.
    let room = shared().room(2);
    for kind in KINDS {
        begun(&room, kind, "web", |web| {
            if kind == "StatefulSet" {
                web["spec"]["replicas"] = 2.into();
            }
        });
        room.rolled_out(kind, "web");
        room.update(kind, "web", &app("2"), Some("image-pull-error"));
        room.observed(kind, "web");
        room.update(kind, "web", &app("3"), Some("image-pull-error"));
        room.observed(kind, "web");
        let word = word(kind, "web");
        let (revision, evidence) = planned(&room, &[&word, "--previous"]);
        assert_eq!(revision, 2, "{kind}: {evidence}");
        assert!(evidence.contains("as kubectl rollout undo takes it"), "{kind}: {evidence}");
        // If the last healthy revision is another one, it is reported with the command.
        let outcome = rollback(&room, &[&word, "--previous", "--dry-run"]).run();
        let never = outcome.finding("target-never-healthy");
        assert_eq!(never["severity"], "warning", "{outcome}");
        assert!(never["remedy"].as_str().is_some_and(|it| it.contains("--last-healthy")), "{outcome}");
        // With the evidence for the other: pods of it run now.
        let (revision, evidence) = planned(&room, &[&word, "--last-healthy"]);
        assert_eq!(revision, 1, "{kind}: {evidence}");
        assert!(evidence.contains("revision 1 is the newest healthy one: "), "{kind}: {evidence}");
    }
}
