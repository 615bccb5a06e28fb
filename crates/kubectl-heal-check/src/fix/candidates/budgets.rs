//! Disruption budgets: a new one, or another rule of one that is there.

use serde_json::json;

use super::{Candidates, selector};
use crate::finding::{Change, Subject};
use crate::snapshot::{Kind, Snapshot, Workload};

pub fn new(workload: &Workload, snapshot: &Snapshot) -> Candidates {
    let selector = selector(workload)?;
    let namespace = &workload.subject.namespace;
    // Another workload of that name would get a budget of that name too.
    let is_twin = |it: &&Workload| {
        it.subject != workload.subject
            && it.subject.namespace == *namespace
            && it.subject.name == workload.subject.name
    };
    let has_twin = snapshot.workloads.iter().any(|it| is_twin(&it));
    let is_taken = |name: &str| {
        snapshot.budgets.iter().any(|it| it.subject.namespace == *namespace && it.subject.name == name)
    };
    let [plain, longer, of_kind] = names(workload);
    let names = if has_twin { vec![of_kind] } else { vec![plain, longer, of_kind] };
    let name = names.into_iter().find(|name| !is_taken(name)).ok_or("budgets of its name exist already")?;
    Ok(vec![Change::create(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"maxUnavailable": 1, "selector": selector}}))])
}

/// That a new one may have.
pub fn names(workload: &Workload) -> [String; 3] {
    let Subject { kind, name, .. } = &workload.subject;
    // Of a generateName.
    let name = name.trim_end_matches(['-', '.']);
    [name.to_owned(), format!("{name}-budget"), format!("{name}-{}", kind.to_lowercase())]
}

pub fn one_at_a_time(budget: &Subject) -> Vec<Change> {
    vec![Change::patch(budget, json!({"spec": {"minAvailable": null, "maxUnavailable": 1}}))]
}

pub fn always_allow(subject: &Subject, snapshot: &Snapshot) -> Candidates {
    let budget = snapshot.budgets.iter().find(|it| it.subject == *subject).ok_or("it was not read")?;
    let is_drained = |it: &&Workload| it.kind != Kind::DaemonSet;
    if snapshot.of_budget(budget).filter(is_drained).all(|it| it.kind == Kind::StatefulSet) {
        return Err("a quorum may need its pods back where they were");
    }
    Ok(vec![Change::patch(subject, json!({"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}))])
}
