//! A second replica.

use serde_json::json;

use super::Candidates;
use crate::finding::{Change, Subject};
use crate::snapshot::Workload;

pub fn two(workload: &Workload) -> Candidates {
    if workload.is_recreated_at_once() || workload.has_claims() {
        return Err("it is made to run alone: Recreate, or volume claims");
    }
    Ok(vec![match &workload.autoscaler {
        Some((name, _)) => {
            let target = Subject::new("HorizontalPodAutoscaler", &workload.subject.namespace, name);
            Change::patch(&target, json!({"spec": {"minReplicas": 2}}))
        }
        None => Change::patch(&workload.subject, json!({"spec": {"replicas": 2}})),
    }])
}
