//! What kubectl's own tests check of a drain (`pkg/drain`, `pkg/cmd/drain`, `test/cmd/node-management.sh`, `test/integration/evictions`),
//! run against the plugin. docs/dev/safe-drain-tests.md numbers the cases and names those covered by a table test instead.

mod budgets;
mod deletion;
mod dry_run;
mod filters;
mod lists;
mod nodes;
mod requests;
mod waiting;

use ::testbed::{PATIENCE, Room, wait};
use serde_json::{Value, json};

use crate::plugin::{Outcome, text};

/// The report's row of the one pod whose name begins like this.
#[track_caller]
fn row(outcome: &Outcome, name: &str) -> Value {
    let mut rows: Vec<Value> =
        outcome.pods().into_iter().filter(|pod| text(pod, "name").starts_with(name)).collect();
    assert_eq!(rows.len(), 1, "pods named {name}…\n{outcome}");
    rows.remove(0)
}

/// Ids of the findings that were refused or accepted, each once.
fn errors(outcome: &Outcome) -> Vec<String> {
    let report = outcome.report();
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> =
        findings.iter().filter(|f| f["severity"] == "error").map(|f| text(f, "id").to_owned()).collect();
    ids.dedup();
    ids
}

fn uids(pods: &[Value]) -> Vec<String> {
    let mut uids: Vec<String> = pods.iter().map(|pod| text(&pod["metadata"], "uid").to_owned()).collect();
    uids.sort();
    uids
}

/// Gives the pods of an object an emptyDir.
fn with_emptydir(object: &mut Value) {
    let volume = json!([{"name": "scratch", "emptyDir": {}}]);
    let spec =
        if object["kind"] == "Pod" { &mut object["spec"] } else { &mut object["spec"]["template"]["spec"] };
    spec["volumes"] = volume;
}

/// The spec of a plain pod, for objects that the bed has no ready-made form of.
fn plain() -> Value {
    json!({"containers": [{"name": "main", "image": "example.invalid/app:1"}]})
}

#[track_caller]
fn finished(room: &Room<'_>, app: &str) {
    wait(&format!("{app} to finish"), PATIENCE, || {
        let pods = room.pods();
        let mut of = pods.iter().filter(|pod| pod["metadata"]["labels"]["app"] == *app).peekable();
        (of.peek().is_some() && of.all(|pod| pod["status"]["phase"] == "Succeeded")).then_some(())
    });
}

fn is_cordoned(room: &Room<'_>, node: &str) -> bool {
    room.node(node)["spec"]["unschedulable"] == true
}

/// Waits until the disruption controller has counted the pods of a budget, whatever it allows.
#[track_caller]
fn budget_counts(room: &Room<'_>, budget: &str, expected: usize, healthy: usize) {
    let path = room.path("policy", &format!("poddisruptionbudgets/{budget}"));
    wait(&format!("budget {budget} to count {healthy} healthy of {expected}"), PATIENCE, || {
        let status = room.cluster().get(&path)["status"].take();
        (status["expectedPods"] == expected && status["currentHealthy"] == healthy).then_some(())
    });
}
