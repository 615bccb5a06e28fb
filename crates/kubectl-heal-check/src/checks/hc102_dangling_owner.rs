//! HC102: pods whose owner does not exist, or is being deleted.

use cluster_model::BeingDeleted;
use cluster_model::text::{count, span};

use super::check::{About, Check, Found};
use super::hc608_terminating::NO_LONGER_GOING;
use crate::finding::Severity::Error;
use crate::snapshot::{Read, Recreated, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC102",
    name: "dangling-owner",
    about: About::Posture,
    severities: &[Error],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
    ],
    fires_when: "the owner that pods name as their controller does not exist, or has another UID, or has been on its way out for more than a minute",
    why: "Nothing recreates the pods: if their owner does not exist, the garbage collector deletes them, and the controller of one that is being deleted makes no more.",
    remedy: "recreate the owner, or create the pods through another one",
    exceptions: "Owners of kinds that are not built in; a kind that could not be listed makes this unchecked. A Deployment that is being deleted: its ReplicaSet goes on.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture() {
        let pods = workload.active().count();
        if pods == 0 {
            continue;
        }
        if workload.recreated == Recreated::OwnerMissing {
            let message = format!("its owner does not exist, but {} of it still run", count(pods, "pod"));
            found.add(Error, &workload.subject, message);
        } else if let Some(BeingDeleted { since, finalizers }) = going(workload, snapshot) {
            let message = format!(
                "it has been on its way out for {}, and none of its {} is made again (finalizers: {})",
                span(snapshot.seconds_since(since)),
                count(pods, "pod"),
                finalizers.join(", ")
            );
            let remedy =
                "what set the finalizers has to finish; then create it anew where its pods are needed";
            found.add_with(Error, &workload.subject, message, remedy);
        }
    }
}

/// For too long for one that is just being deleted.
fn going(workload: &Workload, snapshot: &Snapshot) -> Option<BeingDeleted> {
    let deletion =
        BeingDeleted::of(&workload.object).filter(|_| workload.recreated == Recreated::OwnerGoing)?;
    (snapshot.seconds_since(deletion.since) > NO_LONGER_GOING).then_some(deletion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy, owner, pod};
    use serde_json::json;

    #[test]
    fn hc102_dangling_owner() {
        let owned = |api_version: &str, kind: &str| {
            let owners = json!({"metadata": {"ownerReferences": [owner(api_version, kind, "old")]}});
            healthy().with(pod("left", "left", "n1")).edit("Pod/left", owners)
        };
        let snapshot = healthy().edit(
            "ReplicaSet/web-1",
            json!({"metadata": {"ownerReferences": [owner("apps/v1", "Deployment", "gone")]}}),
        );
        assert_eq!(snapshot.found(&CHECK), ["replicaset/web-1 error"]);
        let controller = || {
            json!({"kind": "ReplicationController", "metadata": {"namespace": "shop", "name": "old", "uid": "ReplicationController-old"},
            "spec": {"replicas": 1, "selector": {"app": "left"}, "template": crate::checks::testing::template("left")}})
        };
        let going = |at: &str| {
            let edit = json!({"metadata": {"deletionTimestamp": at, "finalizers": ["example.com/hold"]}});
            owned("v1", "ReplicationController").with(controller()).edit("ReplicationController/old", edit)
        };
        let cases_ = [
            ("on its way out", going("2026-01-01T23:58:00Z"), &["replicationcontroller/old error"][..]),
            ("since a moment", going("2026-01-01T23:59:50Z"), &[]),
            ("a ReplicaSet that is gone", owned("apps/v1", "ReplicaSet"), &["replicaset/old error"]),
            (
                "a ReplicationController that is gone",
                owned("v1", "ReplicationController"),
                &["replicationcontroller/old error"],
            ),
            ("a ReplicationController", owned("v1", "ReplicationController").with(controller()), &[]),
            ("an operator's", owned("example.com/v1", "ReplicaSet"), &[]),
            (
                "finished",
                owned("batch/v1", "Job").edit("Pod/left", json!({"status": {"phase": "Succeeded"}})),
                &[],
            ),
        ];
        cases(&CHECK, &cases_);
    }

    #[test]
    fn owners_that_cannot_be_listed_are_not_missing() {
        let world = healthy().unknown(Read::ReplicaSets);
        assert_eq!(world.found(&CHECK), [""; 0]);
    }
}
