//! What is looked at before a rollback, on a real cluster. The minimal edit that silences each finding is in the table tests beside
//! the checks; here are the server's own words, that a refusal writes nothing, and that an accepted error is on record.

mod admission;
mod applied;
mod around;
mod owners;
mod pace;
mod references;

use ::testbed::Room;
use serde_json::{Value, json};

use crate::plugin::{Outcome, rollback, text};

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

fn app(version: usize) -> String {
    format!("example.invalid/app:{version}")
}

/// A Deployment with one pod whose first template is edited, and whose second one is the plain one with another image.
#[track_caller]
fn two_templates(room: &Room<'_>, name: &str, edit: impl FnOnce(&mut Value)) {
    let plain = room.manifest("Deployment", name, |_| ())["spec"]["template"].take();
    room.deployment_with(name, 1, |object| edit(&mut object["spec"]["template"]));
    room.observed("Deployment", name);
    room.set_template("Deployment", name, |template| {
        *template = plain;
        template["spec"]["containers"][0]["image"] = json!(app(2));
    });
    room.observed("Deployment", name);
}

/// `kubectl rollback-to deployment/NAME --previous ARGS --yes -o json`
#[track_caller]
fn back(room: &Room<'_>, name: &str, args: &[&str]) -> Outcome {
    rollback(room, &[&[format!("deployment/{name}").as_str(), "--previous"], args].concat()).run()
}

/// The plan, with everything that the server was asked about it.
#[track_caller]
fn plan(room: &Room<'_>, name: &str) -> Outcome {
    back(room, name, &["--dry-run=server"])
}

/// Exit 3, and nothing was written.
#[track_caller]
fn refused(room: &Room<'_>, name: &str, args: &[&str]) -> Outcome {
    let mark = room.cluster().audit_mark();
    let outcome = back(room, name, args);
    outcome.expect("refused", 3);
    assert!(outcome.err.contains("nothing was changed"), "{outcome}");
    let changes = room.writes(mark, "kubectl-rollback-to").changes();
    assert!(changes.is_empty(), "{changes}{outcome}");
    outcome
}

/// The finding of this id whose message contains `words`.
#[track_caller]
fn expect_finding(outcome: &Outcome, id: &str, severity: &str, words: &str) -> Value {
    let report = outcome.report();
    let all = report["findings"].as_array().cloned().unwrap_or_default();
    let found = all.iter().find(|it| it["id"] == id && text(it, "message").contains(words));
    let found = found.unwrap_or_else(|| panic!("no {id} that says {words:?}\n{outcome}"));
    assert_eq!(text(found, "severity"), severity, "{found:#}");
    found.clone()
}

#[track_caller]
fn expect_no_finding(outcome: &Outcome, ids: &[&str]) {
    let found = outcome.findings();
    let loud: Vec<&&str> = ids.iter().filter(|id| found.iter().any(|it| it == **id)).collect();
    assert!(loud.is_empty(), "{loud:?}\n{outcome}");
}
