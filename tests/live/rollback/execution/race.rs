//! Two rollbacks of one workload side by side, each with its plan made before the other writes.

use ::testbed::{Watcher, shared};

use super::pause::Pause;
use super::{app, cause, told, updated};
use crate::plugin::{Outcome, rollback};

/// Makes both plans, then lets both write: the images that the workload had, and how both ended.
fn race(first: &str, second: &str) -> (Vec<String>, Vec<Outcome>) {
    let room = shared().room(1);
    updated(&room, "Deployment", "web", 1, None, |_| ());
    room.update("Deployment", "web", &app(3), None);
    room.rolled_out("Deployment", "web");
    let (pause, watcher) = (Pause::new(&room), Watcher::start(shared(), &room));
    let start = |to: &str| pause.hold(rollback(&room, &["deployment/web", to, "--diff=full"])).spawn();
    let runs = [start(first), start(second)];
    pause.reached(2);
    // The third is the plan of whoever was too late.
    [3, 1, 2].into_iter().for_each(|n| pause.go_on(n));
    let outcomes: Vec<Outcome> = runs.into_iter().map(crate::plugin::Running::finish).collect();
    let record = watcher.finish();
    let image =
        |template: &serde_json::Value| template["spec"]["containers"][0]["image"].as_str().map(str::to_owned);
    let images = record.templates("Deployment", "web").into_iter().filter_map(|(_, it)| image(it)).collect();
    (images, outcomes)
}

#[test]
fn of_two_to_the_same_revision_one_writes_and_the_other_says_so() {
    let (images, outcomes) = race("--to-revision=1", "--to-revision=1");
    assert_eq!(images, [app(3), app(1)], "one write");
    let mut results: Vec<_> = outcomes.iter().map(|it| it.report()["result"].to_string()).collect();
    results.sort();
    assert_eq!(results, ["\"done\"", "\"unchanged\""], "{} {}", outcomes[0], outcomes[1]);
    let late = outcomes.iter().find(|it| it.report()["result"] == "unchanged").unwrap();
    assert_eq!((late.code, cause(late, "web").as_str()), (0, "somebody else wrote the same meanwhile"));
}

#[test]
fn of_two_to_different_revisions_the_late_one_sees_what_the_other_wrote() {
    let (images, outcomes) = race("--to-revision=1", "--to-revision=2");
    let [start, earlier, later] = images.as_slice() else { panic!("{images:?}") };
    assert_eq!(*start, app(3));
    let of = |image: &String| {
        let main = format!("main={image}");
        outcomes.iter().find(|it| told(it, "web")["to"]["images"][0] == *main).unwrap()
    };
    // Nothing is lost unseen: the late one says that it takes back the early one's.
    assert_eq!(told(of(later), "web")["from"]["images"][0], format!("main={earlier}"));
    of(later).expect("done", 0);
    // Whose template was replaced before its pods were ready is told by whom; it may also have been done by then.
    let early = of(earlier);
    let reverted = cause(early, "web").starts_with("reverted by ");
    assert!(early.code == 0 || (early.code == 1 && reverted), "{early}");
}
