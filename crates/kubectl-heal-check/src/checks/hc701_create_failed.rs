//! HC701: pods that their controller cannot create.

use cluster_model::Raw;
use cluster_model::secret::clean;
use cluster_model::text::shorten;
use k8s_openapi::jiff::Timestamp;

use super::check::{About, Check, Found};
use super::hc902_cron_job_late::schedule;
use super::probe_kill::EVENTS_LIVE;
use crate::finding::Severity::Error;
use crate::snapshot::{Kind, Read, Reason, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC701",
    name: "create-failed",
    about: About::Now,
    severities: &[Error],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
        Read::Events,
    ],
    fires_when: "a workload reports ReplicaFailure, or its controller failed to create a pod within the last hour and pods are missing",
    why: "The API server refuses the pod: its controller tries again, but nothing heals until the cause is gone.",
    remedy: "remove what the message names: a quota, Pod Security, a webhook or a missing object",
    exceptions: "Failures after which all pods were created, or the Job of a CronJob. The server keeps events for an hour.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for (at, workload) in snapshot.workloads.iter().enumerate().filter(|(_, it)| it.is_selected) {
        let failure = || last_failure(snapshot, at).filter(|_| is_missing(workload));
        let cause = condition(workload).map(|cause| ("pods", cause)).or_else(failure);
        if let Some((what, cause)) = cause {
            let message = format!("its {what} cannot be created: {}", shorten(&cause, 300));
            found.add(Error, &workload.subject, message);
        }
    }
}

/// The ReplicaSet controller sets it, and a Deployment repeats that of its ReplicaSets.
fn condition(workload: &Workload) -> Option<String> {
    let conditions = workload.object.list("/status/conditions").iter();
    let mut failures = conditions.filter(|it| it["type"] == "ReplicaFailure" && it["status"] == "True");
    failures.next().map(|it| clean(it.text("/message")))
}

/// What could not be created, and why. The events are about what creates it: for a Deployment its ReplicaSets.
fn last_failure(snapshot: &Snapshot, at: usize) -> Option<(&'static str, String)> {
    let workload = &snapshot.workloads[at];
    let of_workload =
        snapshot.events.iter().filter(|(uid, _)| snapshot.workload_of.get(uid.as_str()) == Some(&at));
    let failures = of_workload.flat_map(|(uid, _)| {
        let is_of_jobs = workload.subject.kind == "CronJob" && **uid == *workload.uid;
        snapshot.events_of(uid, Reason::FailedCreate).map(move |event| (is_of_jobs, event))
    });
    let recent = failures.filter(|(is_of_jobs, it)| {
        snapshot.seconds_since(it.last) < EVENTS_LIVE
            && !(*is_of_jobs && was_created_since(workload, it.last))
    });
    let (is_of_jobs, last) = recent.max_by_key(|(_, it)| it.last)?;
    Some((if is_of_jobs { "Jobs" } else { "pods" }, last.message.clone()))
}

/// A CronJob has made a Job after this failure, which may be gone already: its lastScheduleTime is that of the schedule which failed, or a later
/// one (`pkg/controller/cronjob/cronjob_controllerv2.go`, syncCronJob).
fn was_created_since(cron_job: &Workload, failure: Timestamp) -> bool {
    let time = |at: &str| cron_job.object.time(at);
    if time("/status/lastSuccessfulTime").is_some_and(|at| at > failure) {
        return true;
    }
    let Some(scheduled) = time("/status/lastScheduleTime") else { return false };
    let next = schedule(cron_job).ok().and_then(|(schedule, zone)| schedule.next(scheduled, &zone));
    scheduled > failure || next.is_some_and(|next| next > failure)
}

fn is_missing(workload: &Workload) -> bool {
    let there = i64::try_from(workload.active().count()).unwrap_or(i64::MAX);
    match workload.kind {
        Kind::DaemonSet => {
            there < workload.object.number("/status/desiredNumberScheduled").unwrap_or_default()
        }
        // A Job that has ended needs no more; of a CronJob it is not known how many it wants now.
        Kind::Job => {
            there == 0 && workload.pods.is_empty() && workload.object.list("/status/conditions").is_empty()
        }
        _ => workload.replicas.is_some_and(|wanted| there < wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, event, healthy, stateful_set};
    use serde_json::json;

    #[test]
    fn hc701_create_failed() {
        let condition = |status: &str| {
            let failed = json!({"type": "ReplicaFailure", "status": status, "reason": "FailedCreate", "message": "pods \"web-1-x\" is forbidden: exceeded quota: compute"});
            healthy().edit("Deployment/web", json!({"status": {"conditions": [failed]}}))
        };
        let failed =
            |at: &str| event("rs-web", "FailedCreate", "Error creating: exceeded quota: compute", at);
        let recent = || failed("2026-01-01T23:50:00Z");
        let set = healthy().with_all(stateful_set("db", 2)).without("Pod/db-1").with(event(
            "StatefulSet-db",
            "FailedCreate",
            "create Pod db-1 in StatefulSet db failed: denied",
            "2026-01-01T23:50:00Z",
        ));
        let fires: &[&str] = &["deployment/web error"];
        cases(
            &CHECK,
            &[
                ("its condition", condition("True"), fires),
                ("no longer", condition("False"), &[]),
                ("a pod is missing", healthy().without("Pod/web-a").with(recent()), fires),
                ("it was created later", healthy().with(recent()), &[]),
                ("hours ago", healthy().without("Pod/web-a").with(failed("2026-01-01T20:00:00Z")), &[]),
                ("a StatefulSet, which has no condition", set, &["statefulset/db error"]),
            ],
        );
        // Its Jobs are gone as soon as they have ended.
        let cron = |status: serde_json::Value| {
            let object = json!({"kind": "CronJob", "metadata": {"namespace": "shop", "name": "nightly", "uid": "cron"}, "status": status,
                "spec": {"schedule": "*/10 * * * *", "jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "main"}]}}}}}});
            healthy().with(object).with(event(
                "cron",
                "FailedCreate",
                "Error creating job: exceeded quota",
                "2026-01-01T23:50:05Z",
            ))
        };
        let fails: &[&str] = &["cronjob/nightly error"];
        cases(
            &CHECK,
            &[
                ("no Job ever", cron(json!({})), fails),
                ("none since", cron(json!({"lastScheduleTime": "2026-01-01T23:40:00Z"})), fails),
                ("made when tried again", cron(json!({"lastScheduleTime": "2026-01-01T23:50:00Z"})), &[]),
                ("made later", cron(json!({"lastScheduleTime": "2026-01-02T00:00:00Z"})), &[]),
                ("one succeeded since", cron(json!({"lastSuccessfulTime": "2026-01-01T23:50:40Z"})), &[]),
                ("one succeeded before", cron(json!({"lastSuccessfulTime": "2026-01-01T23:40:10Z"})), fails),
            ],
        );
        assert_eq!(
            cron(json!({})).message(&CHECK),
            "its Jobs cannot be created: Error creating job: exceeded quota"
        );
        assert_eq!(
            condition("True").message(&CHECK),
            "its pods cannot be created: pods \"web-1-x\" is forbidden: exceeded quota: compute"
        );
    }
}
