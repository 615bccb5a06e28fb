//! What the command line means, and that nothing checked is never green.

use ::testbed::shared;

use super::{leases, unchecked};
use crate::plugin::{heal_check, plugin};

const JSON: [&str; 2] = ["-o", "json"];

#[test]
fn an_empty_namespace_is_incomplete() {
    leases();
    let room = shared().room(1);
    let run = |args: &[&str]| heal_check(&room, &[args, &JSON].concat()).run();
    let outcome = run(&[]);
    outcome.expect("incomplete", 5);
    assert_eq!(unchecked(&outcome), ["workloads"]);
    let outcome = run(&["deploy/no-such"]);
    outcome.expect("incomplete", 5);
    assert_eq!(unchecked(&outcome), ["deployment/no-such"]);
    let mistyped = format!("{}x", room.namespace());
    let outcome = plugin(&room, "heal-check", &["-n", &mistyped, "-o", "json"]).run();
    outcome.expect("incomplete", 5);
    assert_eq!(unchecked(&outcome), ["namespace"], "what follows from it is left out");
    let meant = format!("namespace {mistyped} does not exist: did you mean {}", room.namespace());
    assert!(outcome.report()["unchecked"][0]["reason"].as_str().unwrap().starts_with(&meant), "{outcome}");
}

#[test]
fn a_selector_is_the_servers_to_understand() {
    leases();
    let room = shared().room(1);
    for name in ["web", "api"] {
        room.deployment(name, 1);
        room.ready(name, 1);
    }
    let run = |args: &[&str]| heal_check(&room, &[args, &JSON].concat()).run();
    let report = run(&["-l", "app in (web, x),app!=api"]).report();
    let names: Vec<&str> =
        report["workloads"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["web"]);
    assert_eq!(unchecked(&run(&["-l", "app=none"])), ["workloads"]);
    let outcome = run(&["-l", "app in"]);
    outcome.expect("refused", 2);
    assert!(outcome.err.contains("the server does not understand it"), "{outcome}");
}

/// Nothing was checked, so that nothing was found: that is not the exit code of findings.
#[test]
fn a_cluster_that_is_not_reached_is_no_finding() {
    let room = shared().room(1);
    let outcome = heal_check(&room, &["--server", "https://127.0.0.1:1", "-o", "json"]).run();
    outcome.expect("failed", 5);
}

#[test]
fn wrong_input_names_what_is_wrong() {
    let room = shared().room(1);
    for (args, part) in [
        (&["web"][..], "TYPE/NAME expected"),
        (&["service/x"], "no type that can be checked by name"),
        (&["--ignore", "HC999"], "there is no such check"),
        (&["--explain", "HC999"], "there is no such check"),
        (&["--fail-on", "bad"], "invalid value"),
        (&["deploy/web", "-A"], "cannot be"),
    ] {
        let outcome = heal_check(&room, &[args, &JSON].concat()).run();
        outcome.expect("refused", 2);
        assert!(outcome.err.contains(part), "{args:?}\n{outcome}");
    }
    let explained = heal_check(&room, &["--explain", "hc204"]).run();
    assert!(explained.code == 0 && explained.out.starts_with("HC204 budget-blocks\n"), "{explained}");
}
