//! The question, on a terminal.

use ::testbed::shared;
use serde_json::{Value, json};

use super::super::leases;
use super::{late, prove, serves, service, shop};
use crate::plugin::{heal_check, text};
use crate::tty::Tty;

#[test]
fn another_name_is_no_consent() {
    let room = shop();
    let mark = room.cluster().audit_mark();
    let run = heal_check(&room, &["deploy/web", "--prove=evict"]);
    let mut tty = Tty::of(run.command());
    tty.until("Type web to continue").keys("wbe\r");
    assert_eq!(tty.end(), 3, "{}", tty.text());
    assert!(room.writes(mark, "kubectl-heal").changes().is_empty());
}

/// The pod that was shown is another one when the question is answered.
#[test]
fn pods_that_changed_since_the_plan_are_not_evicted() {
    let room = shop();
    let mark = room.cluster().audit_mark();
    let run = heal_check(&room, &["deploy/web", "--prove=evict"]);
    let mut tty = Tty::of(run.command());
    tty.until("Type web to continue");
    let name = text(&room.pods()[0]["metadata"], "name").to_owned();
    room.cluster().delete(&room.path("", &format!("pods/{name}")));
    ::testbed::wait("the pod to be replaced", ::testbed::PATIENCE, || {
        room.pods().iter().all(|it| text(&it["metadata"], "name") != name).then_some(())
    });
    room.ready("web", 3);
    tty.keys("web\r");
    assert_eq!(tty.end(), 3, "{}", tty.text());
    assert!(tty.text().contains("changed since the plan was shown"), "{}", tty.text());
    assert!(room.writes(mark, "kubectl-heal").changes().is_empty());
}

/// Each of these makes another plan of it: the answer was about the one that was shown.
#[test]
fn what_changed_while_the_question_waited_was_not_agreed_to() {
    let room = shop();
    let nodes: Vec<&str> = room.nodes().iter().map(String::as_str).collect();
    let mark = room.cluster().audit_mark();
    let changed = |change: &dyn Fn(), why: &str| {
        let run = heal_check(&room, &["deploy/web", "--prove=evict"]);
        let mut tty = Tty::of(run.command());
        tty.until("Type web to continue");
        change();
        tty.keys("web\r");
        assert_eq!(tty.end(), 3, "{}", tty.text());
        assert!(tty.text().contains(why), "{why}: {}", tty.text());
    };
    changed(&|| drop(room.kubectl(&["delete", "pdb", "web"])), "budget is now: none selects its pods");
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.budget_allows("web", 1);
    changed(&|| drop(room.kubectl(&[&["cordon"], &nodes[..]].concat())), "it will not recover");
    room.kubectl(&[&["uncordon"], &nodes[..]].concat());
    let replace = || {
        room.kubectl(&["delete", "deployment", "web", "--cascade=orphan"]);
        room.deployment_with("web", 3, |web| late(web, "1s"));
        room.ready("web", 3);
        // Its pods are those of the last one: they are Ready before the controller has seen it.
        room.observed("Deployment", "web");
    };
    changed(&replace, "the workload or its pods were changed");
    let pause = || {
        room.kubectl(&["rollout", "pause", "deployment/web"]);
        room.set_image("deployment", "web", "web:bad");
    };
    changed(&pause, "nothing was evicted");
    assert!(room.writes(mark, "kubectl-heal").changes().is_empty());
}

/// One replica: agreed to by a word of its own; while it is away, nothing serves.
#[test]
fn an_outage_is_agreed_to_and_measured() {
    leases();
    let room = shared().room(2);
    room.deployment_with("one", 1, |it| late(it, "5s"));
    service(&room, "one");
    room.ready("one", 1);
    serves(&room, "one", 1);
    let mut tty = Tty::of(prove(&room, "deploy/one", &["--rounds=1"]).command());
    tty.until("Type outage to continue: ").keys("outage\r");
    assert_eq!(tty.end(), 0, "{}", tty.text());
    let screen = tty.text();
    // Behind it comes what restores the terminal.
    let document = &screen[screen.find("{\r\n  \"kind\"").unwrap()..];
    let report: Value = serde_json::Deserializer::from_str(document).into_iter().next().unwrap().unwrap();
    let round = &report["proof"]["rounds"][0];
    let window = round["noEndpointSeconds"].as_f64().unwrap();
    // The slice and the pod are two watches, and a busy controller writes the slice later: either may show the eviction first.
    assert!(window > 0.5 && window < round["recoverySeconds"].as_f64().unwrap() + 4.0, "{round:#}");
}
