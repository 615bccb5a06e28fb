//! Two rollbacks of one workload side by side, each with its plan made before the other writes.

use ::testbed::{Consent, Watcher, shared};
use serde_json::json;

use super::pause::Pause;
use super::{app, cause, reported, updated};
use crate::plugin::{Outcome, requests, rollback};

/// Makes both plans, then lets both write: the images that the workload had, and how both ended. Two users, so that each is judged by its
/// own requests.
fn race(first: &str, second: &str) -> (Vec<String>, Vec<Outcome>) {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    room.update("Deployment", "web", &app(3), None);
    room.rolled_out("Deployment", "web");
    let (pause, watcher) = (Pause::new(&room), Watcher::start(shared(), &room));
    let everything = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    let users = ["first", "second"].map(|user| format!("{}-{user}", room.namespace()));
    let start = |user: &str, to: &str| {
        let run = rollback(&room, &["deployment/web", to, "--diff=full"]);
        let config = shared().user(user, &[], std::slice::from_ref(&everything));
        pause.hold(run).kubeconfig(&config).spawn()
    };
    let runs = [start(&users[0], first), start(&users[1], second)];
    pause.reached(2);
    [1, 2].into_iter().for_each(|n| pause.go_on(n));
    let outcomes: Vec<Outcome> = runs.into_iter().map(crate::plugin::Running::finish).collect();
    let record = watcher.finish();
    let audit = requests(&room, "rollback-to", record.requests.clone());
    for (user, outcome) in users.iter().zip(&outcomes) {
        let own = audit.filter(|entry| entry.user == *user);
        let broken = record.broken_rollback_invariants(&outcome.report(), &own, Consent::default());
        assert!(broken.is_empty(), "{broken:?}\n{outcome}\nrequests:\n{own}");
    }
    let image =
        |template: &serde_json::Value| template["spec"]["containers"][0]["image"].as_str().map(str::to_owned);
    let images = record.templates("Deployment", "web").into_iter().filter_map(|(_, it)| image(it)).collect();
    (images, outcomes)
}

#[test]
fn of_two_rollbacks_to_the_same_revision_one_writes_and_the_other_reports_no_change() {
    let (images, outcomes) = race("--to-revision=1", "--to-revision=1");
    assert_eq!(images, [app(3), app(1)], "one write");
    let mut results: Vec<_> = outcomes.iter().map(|it| it.report()["result"].to_string()).collect();
    results.sort();
    assert_eq!(results, ["\"done\"", "\"unchanged\""], "{} {}", outcomes[0], outcomes[1]);
    let late = outcomes.iter().find(|it| it.report()["result"] == "unchanged").unwrap();
    assert_eq!(
        (late.code, cause(late, "web").as_str()),
        (0, "somebody else wrote the same template meanwhile")
    );
}

/// Consent was to take 3 away, and not what the other one wrote.
#[test]
fn of_two_to_different_revisions_the_late_one_writes_nothing_and_names_the_other() {
    let (images, outcomes) = race("--to-revision=1", "--to-revision=2");
    let [start, written] = images.as_slice() else { panic!("{images:?}") };
    assert_eq!(*start, app(3));
    let main = format!("main={written}");
    let (early, late): (Vec<_>, Vec<_>) =
        outcomes.iter().partition(|it| reported(it, "web")["to"]["images"][0] == *main);
    early[0].expect("done", 0);
    late[0].expect("refused", 3);
    assert!(cause(late[0], "web").starts_with("changed by kubectl-rollback-to at 2"), "{}", late[0]);
}
