//! heal-check on a real control plane: what the tables beside the checks cannot show.

mod ask_server;
mod findings;
mod fixes;
mod from;
mod input;
mod manifests;
mod matrix;
mod outcome;
mod proof;
mod refused;
mod rights;
mod watch;

use ::testbed::shared;
use serde_json::{Value, json};

use crate::plugin::{Outcome, text};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

/// The test bed's controllers elect no leader, so that they have no Lease: these stand for it.
pub fn leases() {
    for name in ["kube-controller-manager", "kube-scheduler"] {
        // Another test may have made it.
        let _ = shared().try_create(LEASES, &lease(name));
        assert!(shared().try_get(&format!("{LEASES}/{name}")).is_some());
    }
}

fn lease(name: &str) -> Value {
    let now = format!("{:.6}", k8s_openapi::jiff::Timestamp::now());
    json!({"metadata": {"name": name}, "spec": {"holderIdentity": "testbed", "leaseDurationSeconds": 1_000_000, "renewTime": now}})
}

/// The cells of a workload, as `heals heals slow slow heals`.
#[track_caller]
fn verdicts(outcome: &Outcome, kind: &str, name: &str) -> String {
    let matrix = matrix_of(outcome, kind, name);
    let cells = ["crash", "podLoss", "nodeLoss", "zoneLoss", "drain"]
        .map(|column| text(&matrix[column], "verdict").to_owned());
    cells.join(" ")
}

#[track_caller]
fn matrix_of(outcome: &Outcome, kind: &str, name: &str) -> Value {
    let report = outcome.report();
    let rows = report["workloads"].as_array().into_iter().flatten();
    let found =
        rows.filter(|row| row["kind"] == kind && row["name"] == name).map(|row| row["matrix"].clone()).next();
    found.unwrap_or_else(|| panic!("no row of {kind} {name}\n{outcome}"))
}

#[track_caller]
fn severity(outcome: &Outcome, id: &str) -> String {
    text(&outcome.finding(id), "severity").to_owned()
}

/// The ids of what was not checked.
fn unchecked(outcome: &Outcome) -> Vec<String> {
    let report = outcome.report();
    report["unchecked"].as_array().into_iter().flatten().map(|it| text(it, "id").to_owned()).collect()
}
