//! What `kubectl heal-check -o json` says of a room.

use std::collections::BTreeMap;

use serde_json::Value;
use testbed::{Room, plugins_dir};

#[derive(Clone, Debug)]
pub struct Cell {
    pub verdict: String,
    pub eta: Option<i64>,
    /// The node or zone that is the worst.
    pub worst: String,
    pub reason: String,
}

/// By the name of the workload, of one column.
pub type Column = BTreeMap<String, Cell>;

pub fn report(room: &Room<'_>) -> Value {
    let mut command = room.cluster().command(plugins_dir().join("kubectl-heal_check"));
    let output = command.args(["-n", room.namespace(), "-o", "json"]).output().unwrap();
    let shown = || String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("heal-check: {error}\n{}", shown()))
}

pub fn column(report: &Value, column: &str) -> Column {
    let rows = report["workloads"].as_array().into_iter().flatten();
    let cell = |row: &Value| {
        let cell = &row["matrix"][column];
        let text = |field: &str| cell[field].as_str().unwrap_or_default().to_owned();
        let found = Cell {
            verdict: text("verdict"),
            eta: cell["etaSeconds"].as_i64(),
            worst: text("worst"),
            reason: text("reason"),
        };
        (row["name"].as_str().unwrap_or_default().to_owned(), found)
    };
    rows.map(cell).collect()
}
