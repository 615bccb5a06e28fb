//! A row of a workload that has no pods and no nodes yet, because it is a manifest.

use super::cell::Cell;
use super::{Matrix, drain};
use crate::snapshot::{Kind, Snapshot, Workload};

pub fn row(workload: &Workload, snapshot: &Snapshot, crash: Cell) -> Matrix {
    let waits = match workload.kind {
        // The next one has the same name, and waits until the last is gone.
        Kind::StatefulSet => workload.grace(),
        _ => 0,
    };
    let pod_loss = Cell::heals(
        waits,
        None,
        "its controller makes another one; whether a node takes it cannot be seen in manifests",
    );
    let nowhere = Cell::unknown("manifests have no nodes");
    let drain = drain::budgets(workload, snapshot, None).unwrap_or_else(|| nowhere.clone());
    Matrix { crash, pod_loss, node_loss: nowhere.clone(), zone_loss: nowhere, drain }
}
