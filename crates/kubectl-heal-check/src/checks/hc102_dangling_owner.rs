//! HC102: pods whose owner does not exist.

use cluster_model::text::count;

use super::check::{About, Check, Found};
use crate::finding::Severity::Error;
use crate::snapshot::{Read, Recreated, Snapshot};

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
    fires_when: "the owner that pods name as their controller does not exist, or has another UID",
    why: "The garbage collector deletes the pods, and nothing recreates them.",
    remedy: "recreate the owner, or create the pods through another one",
    exceptions: "Owners of kinds that are not built in; a kind that could not be listed makes this unchecked.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.recreated == Recreated::OwnerMissing) {
        let pods = workload.active().count();
        if pods > 0 {
            let message = format!("its owner does not exist, but {} of it still run", count(pods, "pod"));
            found.add(Error, &workload.subject, message);
        }
    }
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
        let cases_ = [
            ("a ReplicaSet that is gone", owned("apps/v1", "ReplicaSet"), &["replicaset/old error"][..]),
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
