//! Pods that ignore a cordon: their controller recreates them on the same node.

use std::collections::BTreeMap;

use cluster_model::owner_graph::{Controller, ControllerState};
use cluster_model::text::count;
use cluster_model::{Finding, Inventory, Known, PodExt, Severity};
use k8s_openapi::api::core::v1::Pod;

use crate::options::Options;
use crate::pod_filter::pods_to_evict;

/// Would the pod's controller recreate it on the same node?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recreation {
    No,
    /// The cordon does not prevent it.
    Possible(String),
    /// The node is the only place for it.
    Certain(String),
}

impl Recreation {
    pub fn is_possible(&self) -> bool {
        *self != Recreation::No
    }

    pub fn is_certain(&self) -> bool {
        matches!(self, Recreation::Certain(_))
    }

    pub fn why(&self) -> Option<&str> {
        match self {
            Recreation::No => None,
            Recreation::Possible(why) | Recreation::Certain(why) => Some(why),
        }
    }
}

pub fn recreation(pod: &Pod, inventory: &Inventory) -> Recreation {
    let Some(Controller { key: owner, state }) = inventory.controller_of(pod) else { return Recreation::No };
    if pod.is_finished() || state.makes_no_pods() {
        return Recreation::No;
    }
    if let ControllerState::Exists(workload) = state
        && workload.pinned_to.as_deref() == Some(pod.node())
    {
        // No scheduler is involved, and only schedulers respect a cordon.
        return Recreation::Certain(format!(
            "the template of its {} sets spec.nodeName: {}",
            owner.kind,
            pod.node()
        ));
    }
    if pod.tolerates_cordon() {
        let tolerates = "it tolerates the cordon (taint node.kubernetes.io/unschedulable)";
        return if pod.fits_one_node_only() {
            Recreation::Certain(format!(
                "{tolerates} and its node selector or affinity allows this node only"
            ))
        } else {
            Recreation::Possible(tolerates.to_owned())
        };
    }
    match pod.foreign_scheduler() {
        Some(name) => {
            Recreation::Possible(format!("it is bound by scheduler {name}, which may ignore a cordon"))
        }
        None => Recreation::No,
    }
}

pub fn check(inventory: &Inventory, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut possible: BTreeMap<(String, String), usize> = BTreeMap::new();
    for pod in pods_to_evict(inventory, options) {
        match (recreation(pod, inventory), inventory.controller_of(pod)) {
            (Recreation::Certain(why), _) => findings.push(
                Finding::new(
                    "pinned-pod",
                    Severity::Error,
                    pod.key(),
                    format!("would be recreated on this node at once: {why}"),
                )
                .remedy("change that template or scale it down first; --allow pinned-pod evicts it once"),
            ),
            (Recreation::Possible(why), Some(owner)) => {
                *possible.entry((owner.key.label(), why)).or_default() += 1;
            }
            _ => {}
        }
    }
    findings.extend(possible.into_iter().map(|((owner, why), pods)| {
        Finding::new(
            "may-return",
            Severity::Warning,
            owner,
            format!(
                "may recreate {} on this node: {why}",
                if pods == 1 { "its pod".into() } else { count(pods, "pod") }
            ),
        )
        .remedy("a pod that comes back is not evicted again, and the node is not reported as drained")
    }));
    findings.extend(awaited(inventory));
    findings
}

/// Volumes with WaitForFirstConsumer: the scheduler has chosen the node before the cordon, and binds the pod when the volume is there.
fn awaited(inventory: &Inventory) -> Vec<Finding> {
    match &inventory.awaited {
        Known::Seen(pods) => pods
            .iter()
            .map(|(node, pod)| {
                Finding::new(
                    "awaited-pod",
                    Severity::Warning,
                    pod.key(),
                    format!("will be bound to node/{node} when its volume is provisioned, cordon or not: the drain waits for it"),
                )
                .remedy("let it start first, or delete it")
            })
            .collect(),
        Known::Unknown(why) => vec![Finding::new(
            "awaited-not-checked",
            Severity::Unknown,
            "pods that are not bound yet",
            format!("unknown whether a volume is being provisioned here for one of them: {why}"),
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use cluster_model::build::{PodBuild, pod};
    use cluster_model::owner::Workload;
    use serde_json::json;

    fn tolerant() -> Pod {
        pod("a/p", "n1").toleration(json!({"operator": "Exists"}))
    }

    #[test]
    fn a_template_that_names_the_node_is_an_error() {
        let good = inventory_of(vec![pod("a/p", "n1")]);
        let mut bad = good.clone();
        let key = bad.controller_of(&bad.pods[0]).unwrap().key;
        let pinned = |node: &str| Workload {
            desired: Some(3),
            ready: 3,
            pinned_to: Some(node.into()),
            ..Workload::default()
        };
        bad.owners.insert(key.clone(), Known::Seen(Some(pinned("n1"))));
        fires("pinned-pod", Severity::Error, &bad, &good);
        bad.owners.insert(key.clone(), Known::Seen(Some(pinned("n2"))));
        assert_eq!(recreation(&bad.pods[0], &bad), Recreation::No, "it goes elsewhere");
        bad.owners.insert(key.clone(), Known::Seen(Some(pinned("n1"))));
        let deleted = being_deleted(bad.clone());
        assert_eq!(recreation(&deleted.pods[0], &deleted), Recreation::No, "it makes no pods any more");
        bad.owners.insert(key, Known::Seen(None));
        assert_eq!(recreation(&bad.pods[0], &bad), Recreation::No, "nothing puts an orphan back");
    }

    #[test]
    fn a_controller_like_a_daemonset_is_an_error_too() {
        let affinity = json!({"spec": {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]}}}}});
        let bad = tolerant().owned_by("apps.kruise.io/v1alpha1", "DaemonSet", "d").edit(affinity.clone());
        let good = pod("a/p", "n1").edit(affinity);
        fires("pinned-pod", Severity::Error, &inventory_of(vec![bad]), &inventory_of(vec![good]));
    }

    #[test]
    fn what_the_cordon_does_not_keep_away_is_a_warning_for_each_controller() {
        let good = inventory_of(vec![pod("a/p", "n1")]);
        fires("may-return", Severity::Warning, &inventory_of(vec![tolerant()]), &good);
        let foreign = pod("a/p", "n1").edit(json!({"spec": {"schedulerName": "batch"}}));
        fires("may-return", Severity::Warning, &inventory_of(vec![foreign]), &good);
        fires(
            "may-return",
            Severity::Warning,
            &inventory_of(vec![tolerant()]),
            &inventory_of(vec![tolerant().unmanaged()]),
        );
    }

    #[test]
    fn pods_that_are_still_to_come_are_named_or_unknown() {
        let good = inventory_of(vec![]);
        let mut bad = good.clone();
        bad.awaited = Known::Seen(vec![("n1".into(), pod("a/p", ""))]);
        fires("awaited-pod", Severity::Warning, &bad, &good);
        bad.awaited = Known::Unknown("forbidden".into());
        fires("awaited-not-checked", Severity::Unknown, &bad, &good);
    }
}
