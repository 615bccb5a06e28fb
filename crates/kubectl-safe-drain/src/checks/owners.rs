//! Who will make a replacement, if anybody.

use std::collections::BTreeMap;

use cluster_model::owner::OwnerKey;
use cluster_model::owner_graph::{Controller, ControllerState};
use cluster_model::{Finding, Inventory, PodExt, Severity};
use k8s_openapi::api::core::v1::Pod;

use crate::options::Options;
use crate::pod_filter::pods_to_evict;

pub fn check(inventory: &Inventory, options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    // One line per owner that could not be read, not one per pod.
    let mut unread: BTreeMap<String, String> = BTreeMap::new();
    for pod in pods_to_evict(inventory, options).filter(|p| !p.is_finished()) {
        let Some(Controller { key: owner, state }) = inventory.controller_of(pod) else {
            findings.push(
                Finding::new(
                    "bare-pod",
                    Severity::Error,
                    pod.key(),
                    "has no controller and will not be recreated",
                )
                .remedy("--force removes it permanently; to keep it, run it under a Deployment first"),
            );
            continue;
        };
        match state {
            ControllerState::Exists(_) => {}
            ControllerState::Missing => findings.push(orphaned(pod, &owner, "no longer exists")),
            ControllerState::Terminating(_) => findings.push(orphaned(pod, &owner, "is being deleted")),
            ControllerState::Unknown(why) => {
                unread.insert(owner.label(), why.to_owned());
            }
            ControllerState::NotRead => {
                unread.insert(owner.label(), format!("unsupported kind of {}", owner.api_version));
            }
        }
        if owner.kind == "Job" && !state.makes_no_pods() {
            findings.push(
                Finding::new(
                    "job-progress",
                    Severity::Warning,
                    pod.key(),
                    format!(
                        "is running {}: the eviction ends its work and may count as a failure",
                        owner.label()
                    ),
                )
                .remedy(
                    "let it finish first; backoffLimit and podFailurePolicy decide whether it starts again",
                ),
            );
        }
    }
    // These are left alone because of their DaemonSet; without it they would have to go.
    for pod in inventory.pods.iter().filter(|p| p.is_daemonset_pod() && !p.is_finished()) {
        if let Some(Controller { key: owner, state: ControllerState::Unknown(why) }) =
            inventory.controller_of(pod)
        {
            unread.insert(owner.label(), why.to_owned());
        }
    }
    findings.extend(unread.into_iter().map(|(owner, why)| {
        Finding::new(
            "owner-not-checked",
            Severity::Unknown,
            owner,
            format!("unknown whether it recreates its pods: {why}"),
        )
    }));
    findings
}

fn orphaned(pod: &Pod, owner: &OwnerKey, why: &str) -> Finding {
    let message = format!("the {} that controls it {why}: the pod will not be recreated", owner.label());
    Finding::new("orphaned-owner", Severity::Error, pod.key(), message)
        .remedy("--force removes it permanently")
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::options::Options;
    use cluster_model::build::{PodBuild, pod};
    use cluster_model::{Inventory, Known, Severity};

    #[test]
    fn bare_pod() {
        let good = inventory_of(vec![pod("a/p", "n1")]);
        fires("bare-pod", Severity::Error, &inventory_of(vec![pod("a/p", "n1").unmanaged()]), &good);
        let finished = inventory_of(vec![pod("a/p", "n1").unmanaged().phase("Succeeded")]);
        fires("bare-pod", Severity::Error, &inventory_of(vec![pod("a/p", "n1").unmanaged()]), &finished);
    }

    #[test]
    fn orphaned_owner() {
        let good = inventory_of(vec![pod("a/p", "n1")]);
        let mut bad = good.clone();
        let key = bad.controller_of(&bad.pods[0]).unwrap().key;
        bad.owners.insert(key, Known::Seen(None));
        fires("orphaned-owner", Severity::Error, &bad, &good);
    }

    #[test]
    fn pods_of_a_controller_that_is_being_deleted_need_force() {
        for (api, kind) in [
            ("apps/v1", "ReplicaSet"),
            ("apps/v1", "StatefulSet"),
            ("apps/v1", "DaemonSet"),
            ("batch/v1", "Job"),
            ("v1", "ReplicationController"),
        ] {
            let good = inventory_of(vec![pod("a/p", "n1").owned_by(api, kind, "w")]);
            let bad = being_deleted(good.clone());
            fires("orphaned-owner", Severity::Error, &bad, &good);
            let found = crate::checks::check(&bad, &Options::default());
            let message =
                format!("the {kind} a/w that controls it is being deleted: the pod will not be recreated");
            assert_eq!(found.iter().map(|f| &f.message).collect::<Vec<_>>(), [&message], "and nothing else");
            assert_needs_force(&bad);
        }
    }

    #[test]
    fn an_orphaned_daemonset_pod_needs_force() {
        let good = inventory_of(vec![pod("a/p", "n1").owned_by("apps/v1", "DaemonSet", "d")]);
        let mut bad = good.clone();
        let key = bad.controller_of(&bad.pods[0]).unwrap().key;
        bad.owners.insert(key, Known::Seen(None));
        fires("orphaned-owner", Severity::Error, &bad, &good);
        assert_needs_force(&bad);
    }

    #[track_caller]
    fn assert_needs_force(bad: &Inventory) {
        for force in [false, true] {
            let options = Options { force, ..Options::default() };
            let mut findings = crate::checks::check(bad, &options);
            options.accept(&mut findings);
            assert_eq!(findings.iter().filter(|f| f.blocks()).count(), usize::from(!force), "{findings:?}");
        }
    }

    #[test]
    fn owner_not_checked_once_per_owner() {
        let good = inventory_of(vec![pod("a/p1", "n1"), pod("a/p2", "n1")]);
        let mut bad = good.clone();
        let key = bad.controller_of(&bad.pods[0]).unwrap().key;
        bad.owners.insert(key, Known::Unknown("forbidden".into()));
        fires("owner-not-checked", Severity::Unknown, &bad, &good);
        assert_eq!(found(&bad, &Options::default()).len(), 1);
    }

    #[test]
    fn job_progress() {
        let job = || pod("a/p", "n1").owned_by("batch/v1", "Job", "j");
        fires(
            "job-progress",
            Severity::Warning,
            &inventory_of(vec![job()]),
            &inventory_of(vec![job().phase("Succeeded")]),
        );
    }
}
