//! Every pre-flight finding that a real cluster can be brought to; the minimal edit that silences each is in the table tests
//! beside the checks.

mod accepted;
pub mod crowded;
mod nodes;
mod rights;

use ::testbed::{PATIENCE, Room, wait};
use serde_json::{Value, json};

use crate::plugin::{Outcome, text};

/// A finding with this id about an object whose name ends like this.
fn found(report: &Value, id: &str, subject: &str) -> Option<Value> {
    let findings = report["findings"].as_array()?.iter();
    findings.filter(|finding| finding["id"] == id).find(|finding| about(finding, subject)).cloned()
}

/// Pods of a Deployment have names nobody can foresee: `web` is also `web-5d…-x2x`.
fn about(finding: &Value, subject: &str) -> bool {
    let named = text(finding, "subject");
    let name = named.rsplit_once('/').map_or(named, |(_, name)| name);
    named == subject
        || name == subject
        || name.strip_prefix(subject).is_some_and(|rest| rest.starts_with('-'))
}

#[track_caller]
fn expect(outcome: &Outcome, id: &str, severity: &str, subject: &str, message: &str) -> Value {
    let Some(finding) = found(&outcome.report(), id, subject) else {
        panic!("no {id} about {subject}\n{outcome}")
    };
    assert_eq!(text(&finding, "severity"), severity, "{finding:#}");
    assert!(text(&finding, "message").contains(message), "no {message:?} in {finding:#}");
    finding
}

/// Waits until the budget's status is like this.
fn wait_for_budget_status(room: &Room<'_>, budget: &str, is: impl Fn(&Value) -> bool) {
    let path = room.path("policy", &format!("poddisruptionbudgets/{budget}"));
    wait(&format!("budget {budget} to be computed"), PATIENCE, || {
        let object = room.cluster().get(&path);
        is(&object["status"]).then_some(())
    });
}

fn with_volume(object: &mut Value, volume: Value) {
    let at = if object["kind"] == "Pod" { "/spec" } else { "/spec/template/spec" };
    let spec = object.pointer_mut(at).unwrap();
    match spec["volumes"].as_array_mut() {
        Some(volumes) => volumes.push(volume),
        None => spec["volumes"] = json!([volume]),
    }
}
