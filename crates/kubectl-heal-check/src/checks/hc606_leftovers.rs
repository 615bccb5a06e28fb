//! HC606: pods that failed and were replaced.

use cluster_model::text::count;
use plugin_client::shell::word;

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::pod::Phase;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC606",
    name: "leftovers",
    about: About::Now,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "failed or evicted pods of a controller that has replaced them are still there",
    why: "They were healed elsewhere. The garbage collector removes them only above 12,500 in the cluster.",
    remedy: "delete them, once their reason is known: the finding has the command",
    exceptions: "Pods of Jobs, which are their history.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.runs_for_good()) {
        let failed =
            workload.pods.iter().filter(|pod| pod.phase == Phase::Failed && !pod.is_terminating()).count();
        if failed > 0 {
            let remedy = format!(
                "kubectl delete pods -n {} --field-selector=status.phase=Failed",
                word(&workload.subject.namespace)
            );
            found.add_with(
                Warning,
                &workload.subject,
                format!("{} failed and replaced, not deleted", count(failed, "pod")),
                remedy,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy, owner, pod};
    use serde_json::{Value, json};

    #[test]
    fn hc606_leftovers() {
        let leftover = |n: usize, owner: Value| {
            let mut pod = pod(&format!("old-{n}"), "web", "n1");
            pod["status"] = json!({"phase": "Failed", "reason": "Evicted"});
            pod["metadata"]["ownerReferences"] = json!([owner]);
            pod
        };
        let mut set = owner("apps/v1", "ReplicaSet", "web-1");
        set["uid"] = json!("rs-web");
        let forty: Vec<Value> = (0..40).map(|n| leftover(n, set.clone())).collect();
        let job = json!({"kind": "Job", "metadata": {"namespace": "shop", "name": "once", "uid": "Job-once"}, "spec": {"template": {"spec": {"containers": []}}}});
        let of_job = leftover(1, owner("batch/v1", "Job", "once"));
        let mut succeeded = of_job.clone();
        succeeded["status"]["phase"] = json!("Succeeded");
        cases(
            &CHECK,
            &[
                ("D1: forty", healthy().with_all(forty.clone()), &["deployment/web warning"]),
                ("of a Job", healthy().with(job.clone()).with(of_job), &[]),
                ("D2: succeeded, of a Job", healthy().with(job).with(succeeded), &[]),
            ],
        );
        assert_eq!(healthy().with_all(forty).message(&CHECK), "40 pods failed and replaced, not deleted");
    }
}
