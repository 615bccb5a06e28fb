//! How an update replaces pods, and when it counts as failed.

use cluster_model::Raw;
use serde_json::{Value, json};

use super::Candidates;
use crate::checks::hc212_progress_guard::{late, usual_deadline};
use crate::checks::shared_volume::one_node_claim;
use crate::finding::Change;
use crate::snapshot::{Kind, Snapshot, Workload};

/// New pods first.
pub fn rolling(workload: &Workload, snapshot: &Snapshot) -> Candidates {
    if one_node_claim(snapshot, workload).is_some() {
        return Err("its pods share a volume of one node or one pod");
    }
    let mut steps = json!({"maxUnavailable": 0});
    // Without a surge no step would be possible.
    if matches!(workload.update_steps(), Some((0, _))) {
        steps["maxSurge"] = json!(1);
    }
    Ok(strategy(workload, &json!({"type": "RollingUpdate", "rollingUpdate": steps})))
}

/// The old pod first: its volume is free then.
pub fn recreate(workload: &Workload) -> Candidates {
    if workload.kind != Kind::Deployment || workload.least() != 1 || workload.replicas != Some(1) {
        return Err("several pods need a volume that several nodes can use");
    }
    Ok(strategy(workload, &json!({"type": "Recreate", "rollingUpdate": null})))
}

pub fn deadline(workload: &Workload) -> Candidates {
    if workload.kind == Kind::Deployment && late(workload).is_some() {
        return Ok(vec![Change::patch(
            &workload.subject,
            json!({"spec": {"progressDeadlineSeconds": usual_deadline(workload)}}),
        )]);
    }
    if workload.kind == Kind::StatefulSet && workload.object.text("/spec/updateStrategy/type") == "OnDelete" {
        return Err("whether its pods may be replaced without anybody looking on is not known");
    }
    Err("how long a pod has to work before it counts is not known: that takes a readinessProbe")
}

fn strategy(workload: &Workload, strategy: &Value) -> Vec<Change> {
    vec![Change::patch(&workload.subject, json!({"spec": {"strategy": strategy}}))]
}
