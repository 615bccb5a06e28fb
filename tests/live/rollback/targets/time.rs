//! `--time`: what was rolled out at a moment, as exactly as the cluster still records it.

use ::testbed::{PATIENCE, Room, shared, wait};

use super::{KINDS, app, begun, planned, refused, updated, word};
use crate::plugin::{rollback, text};

/// Its events are gone, as all are after an hour.
fn forget_events(room: &Room<'_>) {
    let events = room.path_of("Event", "");
    if let Err(error) = room.cluster().try_delete(&events) {
        panic!("{error}");
    }
    wait("the events to be gone", PATIENCE, || room.cluster().list(&events).is_empty().then_some(()));
}

#[test]
fn a_moment_leads_to_what_was_rolled_out_then_for_all_kinds() {
    let room = shared().room(1);
    KINDS.iter().for_each(|kind| begun(&room, kind, "web", |_| ()));
    let mut moments = Vec::new();
    for version in ["1", "2", "3"] {
        for kind in KINDS {
            if version != "1" {
                room.update(kind, "web", &app(version), None);
            }
            room.observed(kind, "web");
            room.rolled_out(kind, "web");
        }
        moments.push(KINDS.map(|kind| room.moment(kind, "web")));
    }
    for (index, kind) in KINDS.iter().enumerate() {
        let word = word(kind, "web");
        for (version, moment) in (1..).zip(&moments) {
            let (revision, evidence) = planned(&room, &[&word, "--time", &moment[index]]);
            assert_eq!(revision, version, "{kind}: {evidence}");
            assert!(evidence.contains(&format!("revision {version} was active at")), "{kind}: {evidence}");
        }
        // Back to the first, by its time.
        let outcome = rollback(&room, &[&word, "--time", &moments[0][index]]).run();
        outcome.expect("done", 0);
        assert_eq!(room.image(kind, "web"), app("1"), "{outcome}");
        let to = outcome.report()["workloads"][0]["to"].take();
        assert_eq!((text(&to, "chosenBy"), to["revision"].as_i64()), ("--time", Some(1)));
    }
    // A → B → C → A. The first is the fourth now, and it was there at the first moment too.
    for (index, kind) in KINDS.iter().enumerate() {
        room.observed(kind, "web");
        let now = room.moment(kind, "web");
        let at = |moment: &str| planned(&room, &[&word(kind, "web"), "--time", moment]).0;
        assert_eq!(at(&moments[1][index]), 2, "{kind}");
        assert_eq!(at(&moments[2][index]), 3, "{kind}");
        assert_eq!(at(&now), 4, "{kind}");
    }
    // A ReplicaSet remembers when it was made; a ControllerRevision that came back remembers that only.
    assert_eq!(planned(&room, &["deployment/web", "--time", &moments[0][0]]).0, 4);
}

#[test]
fn a_time_in_a_gap_is_refused_with_the_candidates_unless_the_closest_is_requested() {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |_| ());
    room.rolled_out("Deployment", "web");
    room.tick("Deployment", "web");
    updated(&room, "Deployment", "web", &app("2"));
    let second = room.moment("Deployment", "web");
    updated(&room, "Deployment", "web", &app("1"));
    room.tick("Deployment", "web");
    updated(&room, "Deployment", "web", &app("3"));
    room.tick("Deployment", "web");
    // As long as there are Events, they show when the first came back.
    assert_eq!(planned(&room, &["deployment/web", "--time", &second]).0, 2);

    forget_events(&room);
    let ask = ["deployment/web", "--time", &second];
    let both = ["--to-revision 2", "--to-revision 3", "--closest"];
    refused(&room, &ask, "2", &both);
    let (_, evidence) = planned(&room, &[&ask[..], &["--closest"]].concat());
    assert!(evidence.contains("is between two known times"), "{evidence}");

    // Half a second after the second one was made it is still a guess, and no doubt which one is closer.
    let (_, second) = room.revisions("Deployment", "web").remove(0);
    let just_after = text(&second["metadata"], "creationTimestamp").replace('Z', ".5Z");
    let ask = ["deployment/web", "--time", &just_after];
    refused(&room, &ask, "2", &both);
    let outcome = rollback(&room, &[&ask[..], &["--closest"]].concat()).run();
    outcome.expect("done", 0);
    assert_eq!(outcome.report()["workloads"][0]["to"]["chosenBy"], "--time --closest");
    assert_eq!(room.image("Deployment", "web"), app("2"));
}

/// A ControllerRevision is written once, when it comes back: events are not needed.
#[test]
fn of_statefulsets_and_daemonsets_the_way_back_is_known_without_events() {
    let room = shared().room(1);
    let kinds = ["StatefulSet", "DaemonSet"];
    kinds.iter().for_each(|kind| begun(&room, kind, "web", |_| ()));
    let mut moments = Vec::new();
    for version in ["1", "2", "1", "3"] {
        for kind in kinds {
            if room.image(kind, "web") != app(version) {
                room.update(kind, "web", &app(version), None);
            }
            room.observed(kind, "web");
            room.rolled_out(kind, "web");
        }
        moments.push(kinds.map(|kind| room.moment(kind, "web")));
    }
    forget_events(&room);
    for (index, kind) in kinds.iter().enumerate() {
        for (place, revision) in [(1, 2), (2, 3), (3, 4)] {
            let moment = &moments[place][index];
            let (found, evidence) = planned(&room, &[&word(kind, "web"), "--time", moment]);
            assert_eq!(found, revision, "{kind}: {evidence}");
        }
    }
}

#[test]
fn a_time_before_all_history_is_refused_with_the_oldest_known_time() {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |web| web["spec"]["revisionHistoryLimit"] = 1.into());
    room.rolled_out("Deployment", "web");
    let first = room.moment("Deployment", "web");
    for version in ["2", "3"] {
        updated(&room, "Deployment", "web", &app(version));
    }
    wait("the first revision to be pruned", PATIENCE, || {
        (room.images("Deployment", "web").len() == 2).then_some(())
    });
    let ask = ["deployment/web", "--time", &first];
    let words = "older revisions were pruned (revisionHistoryLimit 1)";
    let outcome = refused(&room, &ask, words, &["--to-revision 2", "--history"]);
    assert!(outcome.err.contains("reaches back to"), "{outcome}");
    assert_eq!(room.image("Deployment", "web"), app("3"));

    // Before it was made there was nothing to go back to. Named, that is refused; selected with others, it stays as it is.
    let outcome = refused(&room, &["deployment/web", "--time", "2h"], "did not exist at", &["--history"]);
    assert!(outcome.err.contains("its history reaches back to"), "{outcome}");
    assert_eq!(outcome.report()["workloads"], serde_json::json!([]));
    refused(&room, &["--all", "--time", "2h"], "did not exist at", &["--history"]);
}

#[test]
fn of_a_selection_those_that_did_not_exist_yet_stay_as_they_are() {
    let room = shared().room(1);
    begun(&room, "Deployment", "web", |_| ());
    room.rolled_out("Deployment", "web");
    room.tick("Deployment", "web");
    let first = room.moment("Deployment", "web");
    updated(&room, "Deployment", "web", &app("2"));
    room.tick("Deployment", "web");
    begun(&room, "Deployment", "api", |_| ());
    room.rolled_out("Deployment", "api");
    refused(&room, &["deployment", "web", "api", "--time", &first], "deployment/api did not exist at", &[]);
    assert_eq!(room.image("Deployment", "web"), app("2"), "named with one that cannot go back");
    let outcome = rollback(&room, &["--all", "--time", &first]).run();
    outcome.expect("done", 0);
    let report = outcome.report();
    let (api, web) = (&report["workloads"][0], &report["workloads"][1]);
    assert_eq!((text(api, "name"), text(api, "result")), ("api", "unchanged"), "{outcome}");
    assert!(text(api, "cause").contains("did not exist"), "{outcome}");
    assert_eq!((text(web, "result"), room.image("Deployment", "web")), ("done", app("1")), "{outcome}");
}
