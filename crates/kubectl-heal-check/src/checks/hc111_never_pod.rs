//! HC111: a crash ends the pod.

use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use crate::finding::Severity::Info;
use crate::snapshot::{Kind, Read, Snapshot, Workload};

/// `pkg/apis/batch/v1/defaults.go`
const BACKOFF_LIMIT: i64 = 6;

pub const CHECK: Check = Check {
    id: "HC111",
    name: "never-pod",
    about: About::Posture,
    severities: &[Info],
    reads: &[Read::Pods, Read::Jobs, Read::CronJobs],
    fires_when: "a pod without a controller, or the pods of a Job or CronJob, have restartPolicy Never",
    why: "The kubelet does not restart a container of such a pod: a crash ends the pod. A Job makes another one, up to its backoffLimit or backoffLimitPerIndex, unless its podFailurePolicy says otherwise; without a Job nothing does.",
    remedy: "with restartPolicy OnFailure the container is restarted in its pod",
    exceptions: "Jobs and pods that are finished. Always is not valid for a Job.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.spec().text("/restartPolicy") == "Never") {
        let message = match workload.kind {
            Kind::Pod if workload.active().next().is_some() => {
                "a crash ends it, and nothing makes another one".to_owned()
            }
            Kind::Job if !is_over(workload) => match others(workload) {
                Some(others) => format!("a crash ends the pod; {others}"),
                None => continue,
            },
            _ => continue,
        };
        found.add(Info, &workload.subject, message);
    }
}

fn is_over(job: &Workload) -> bool {
    let conditions = job.object.list("/status/conditions").iter();
    let mut ended = conditions.filter(|it| matches!(it.text("/type"), "Complete" | "Failed"));
    ended.any(|it| it["status"] == "True")
}

/// What the Job does after one. `None`: nothing, which is HC903.
fn others(job: &Workload) -> Option<String> {
    let of_cron_job = job.object.pointer("/spec/jobTemplate/spec").filter(|it| it.is_object());
    let spec = of_cron_job.unwrap_or(&job.object["spec"]);
    let ends = |rule: &&Json| matches!(rule.text("/action"), "FailJob" | "FailIndex");
    if spec.list("/podFailurePolicy/rules").iter().any(|rule| ends(&rule)) {
        return Some(
            "by its podFailurePolicy some crashes are final, after others another one is made".to_owned(),
        );
    }
    // Beside it the server sets a backoffLimit that nobody meant (`pkg/apis/batch/v1/defaults.go`).
    match spec.number("/backoffLimitPerIndex") {
        Some(0) => Some("its index has failed then: backoffLimitPerIndex is 0".to_owned()),
        Some(limit) => Some(format!("the Job makes others, up to its backoffLimitPerIndex of {limit}")),
        None => match spec.number("/backoffLimit").unwrap_or(BACKOFF_LIMIT) {
            0 => None,
            limit => Some(format!("the Job makes others, up to its backoffLimit of {limit}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy, pod};
    use serde_json::{Value, json};

    #[test]
    fn hc111_never_pod() {
        let bare = |policy: &str| {
            healthy()
                .with(pod("tool", "tool", "n1"))
                .edit("Pod/tool", json!({"spec": {"restartPolicy": policy}}))
        };
        let job = |policy: &str, edit: Value| {
            let job = json!({"kind": "Job", "metadata": {"namespace": "shop", "name": "once", "uid": "job"},
                "spec": {"template": {"spec": {"restartPolicy": policy, "containers": [{"name": "main"}]}}}});
            healthy().with(job).edit("Job/once", edit)
        };
        let done = json!({"status": {"conditions": [{"type": "Complete", "status": "True"}]}});
        for (spec, expected) in [
            (json!({}), "up to its backoffLimit of 6"),
            (json!({"backoffLimit": i32::MAX, "backoffLimitPerIndex": 0}), "its index has failed then"),
            (
                json!({"backoffLimit": i32::MAX, "backoffLimitPerIndex": 2}),
                "up to its backoffLimitPerIndex of 2",
            ),
            (json!({"podFailurePolicy": {"rules": [{"action": "FailJob"}]}}), "some crashes are final"),
            (json!({"podFailurePolicy": {"rules": [{"action": "Ignore"}]}}), "up to its backoffLimit of 6"),
        ] {
            let message = job("Never", json!({"spec": spec})).message(&CHECK);
            assert!(message.contains(expected), "{message}");
        }
        cases(
            &CHECK,
            &[
                ("a pod", bare("Never"), &["pod/tool info"]),
                ("a pod that is restarted", bare("OnFailure"), &[]),
                ("a Job", job("Never", json!({})), &["job/once info"]),
                ("a Job that is restarted", job("OnFailure", json!({})), &[]),
                ("a Job that is complete", job("Never", done), &[]),
                ("without attempts: HC903", job("Never", json!({"spec": {"backoffLimit": 0}})), &[]),
            ],
        );
    }
}
