//! The question, on a terminal.

use ::testbed::shared;
use serde_json::Value;

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
    assert!(tty.text().contains("changed since the plan was made"), "{}", tty.text());
    assert!(room.writes(mark, "kubectl-heal").changes().is_empty());
}

/// One replica: agreed to by a word of its own; while it is away, nothing serves.
#[test]
fn an_outage_is_agreed_to_and_measured() {
    leases();
    let room = shared().room(2);
    room.deployment_with("one", 1, |it| late(it, "1s"));
    service(&room, "one");
    room.ready("one", 1);
    serves(&room, "one", 1);
    let mut tty = Tty::of(prove(&room, "deploy/one", &["--rounds=1"]).command());
    tty.until("Type outage to continue").keys("outage\r");
    assert_eq!(tty.end(), 0, "{}", tty.text());
    let screen = tty.text();
    // Behind it comes what restores the terminal.
    let document = &screen[screen.find("{\r\n  \"kind\"").unwrap()..];
    let report: Value = serde_json::Deserializer::from_str(document).into_iter().next().unwrap().unwrap();
    let round = &report["proof"]["rounds"][0];
    let window = round["noEndpointSeconds"].as_f64().unwrap();
    // The slice and the pod are two watches: either may show the eviction first.
    assert!(window > 0.5 && window < round["recoverySeconds"].as_f64().unwrap() + 0.5, "{round:#}");
}
