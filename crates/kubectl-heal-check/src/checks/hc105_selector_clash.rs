//! HC105: two controllers that claim the same pods.

use std::collections::BTreeMap;

use cluster_model::{Raw, selector};
use kube::core::Selector;

use super::check::{About, Check, Found};
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::{Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC105",
    name: "selector-clash",
    about: About::Posture,
    severities: &[Error, Warning],
    reads: &[
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "a controller's selector does not select its own template (error), or also selects the pods of another controller of its namespace (warning)",
    why: "The server refuses a controller that does not select its own pods. Controllers that select the same pods leave each other's alone, since pods name their owner; but an autoscaler reads the load of both, and either may adopt pods or ReplicaSets that have lost their owner.",
    remedy: "make the selectors disjoint: they are immutable, so recreate one of the two with other labels",
    exceptions: "The ReplicaSets of one Deployment or of one other owner. Those that are scaled to zero.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let mut by_namespace: BTreeMap<&str, Vec<Claimant<'_>>> = BTreeMap::new();
    let is_there = |it: &&Workload| it.runs_for_good() && it.replicas != Some(0);
    for workload in snapshot.workloads.iter().filter(is_there) {
        by_namespace.entry(&workload.subject.namespace).or_default().push(Claimant::of(workload));
    }
    for all in by_namespace.values() {
        let is_meant = |it: &&Claimant<'_>| it.workload.is_selected && !it.workload.is_system;
        for one in all.iter().filter(is_meant) {
            let subject = &one.workload.subject;
            if !one.claims(one) {
                let message =
                    "its selector does not select the pods of its own template: the server refuses it";
                found.add_with(Error, subject, message, "give the template the labels of the selector");
                continue;
            }
            let is_other =
                |it: &&Claimant<'_>| it.workload.uid != one.workload.uid && !one.has_the_owner_of(it);
            if let Some(other) = all.iter().filter(is_other).find(|it| one.claims(it)) {
                let message = format!("its selector also selects the pods of {}", other.workload.subject);
                found.add(Warning, subject, message);
            }
        }
    }
}

/// A workload, with what is compared with all others of its namespace.
struct Claimant<'s> {
    workload: &'s Workload,
    needs_selector: bool,
    selector: Option<Selector>,
    labels: BTreeMap<String, String>,
    owner: Option<&'s str>,
}

impl<'s> Claimant<'s> {
    fn of(workload: &'s Workload) -> Self {
        Claimant {
            workload,
            needs_selector: !workload.selector_value().is_null(),
            selector: workload.selector(),
            labels: workload.labels(),
            owner: workload.object.controller_ref().map(|owner| owner.text("/uid")),
        }
    }

    /// What needs no selector, as a pod, has its own.
    fn claims(&self, other: &Claimant<'_>) -> bool {
        match self.needs_selector {
            true => selector::selects(self.selector.as_ref(), Some(&other.labels)),
            false => self.workload.uid == other.workload.uid,
        }
    }

    fn has_the_owner_of(&self, other: &Claimant<'_>) -> bool {
        self.owner.is_some() && self.owner == other.owner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, deployment, healthy, owner};
    use serde_json::{Value, json};

    #[test]
    fn hc105_selector_clash() {
        let other = |edit| healthy().with(deployment("api", 1)).edit("Deployment/api", edit);
        let labels = json!({"spec": {"template": {"metadata": {"labels": {"app": "web", "tier": "api"}}}}});
        let not_api = json!({"spec": {"selector": {"matchLabels": null, "matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["x"]}]}}});
        let both = |mut edit: Value| {
            edit["spec"]["selector"] = json!({"matchLabels": {"tier": "api", "app": null}});
            other(edit)
        };
        let sets = |owner_of_green: &str| {
            let set = |name: &str, of: &str| {
                let mut set = deployment("canary", 1);
                set["kind"] = json!("ReplicaSet");
                set["metadata"]["name"] = json!(name);
                set["metadata"]["uid"] = json!(name);
                set["metadata"]["ownerReferences"] = json!([owner("argoproj.io/v1alpha1", "Rollout", of)]);
                set
            };
            healthy().with(set("blue", "web")).with(set("green", owner_of_green))
        };
        let mut elsewhere = labels.clone();
        elsewhere["metadata"] = json!({"namespace": "other"});
        cases(
            &CHECK,
            &[
                ("labels of another's pods", both(labels.clone()), &["deployment/web warning"]),
                ("not its own pods", other(labels), &["deployment/api error", "deployment/web warning"]),
                ("ReplicaSets of one owner", sets("web"), &[]),
                (
                    "ReplicaSets of two owners",
                    sets("api"),
                    &["replicaset/blue warning", "replicaset/green warning"],
                ),
                ("an expression", other(not_api), &["deployment/api warning"]),
                ("another namespace", both(elsewhere), &[]),
                ("disjoint", other(json!({})), &[]),
            ],
        );
    }
}
