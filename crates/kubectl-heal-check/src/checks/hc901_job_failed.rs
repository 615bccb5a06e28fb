//! HC901: a Job that failed, and no later one that succeeded.

use std::collections::BTreeMap;

use cluster_model::secret::clean;
use cluster_model::text::shorten;
use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use super::commands::named;
use crate::finding::Severity::Error;
use crate::snapshot::{Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC901",
    name: "job-failed",
    about: About::Now,
    severities: &[Error],
    reads: &[Read::Pods, Read::Jobs, Read::CronJobs],
    fires_when: "a Job has failed, and of the Jobs of the same CronJob it is the newest that has ended",
    why: "No controller tries again: its retries are used up, or its time.",
    remedy: "kubectl describe job and kubectl logs of its pods show why; then create the Job anew",
    exceptions: "A failed Job after which another one of its CronJob has succeeded.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let mut newest: BTreeMap<usize, &Json> = BTreeMap::new();
    for job in snapshot.jobs().filter(|job| ended(job).is_some()) {
        let Some(at) = snapshot.workload_of.get(job.uid()) else { continue };
        let kept = newest.entry(*at).or_insert(job);
        if created(job) > created(kept) {
            *kept = job;
        }
    }
    for (at, job) in newest {
        let workload = &snapshot.workloads[at];
        let Some(failed) = ended(job).filter(|it| it["type"] == "Failed" && workload.is_selected) else {
            continue;
        };
        let which = if job.name() == workload.subject.name {
            String::new()
        } else {
            format!("its job {} ", job.name())
        };
        let message = format!(
            "{which}failed ({}): {}{}",
            clean(failed.text("/reason")),
            shorten(&clean(failed.text("/message")), 200),
            last_exit(workload, job.uid())
        );
        let remedy = format!(
            "look why, then create the Job anew: {}",
            named("describe job", job.name(), &workload.subject.namespace)
        );
        found.add_with(Error, &workload.subject, message, remedy);
    }
}

/// The condition with which it ended.
fn ended(job: &Json) -> Option<&Json> {
    let conditions = job.list("/status/conditions").iter();
    let mut ends = conditions
        .filter(|it| it["status"] == "True" && (it["type"] == "Failed" || it["type"] == "Complete"));
    ends.next()
}

/// As text, times of the same form are in order.
fn created(job: &Json) -> &str {
    job.text("/metadata/creationTimestamp")
}

/// `; container main of x ended with exit code 1`, of its last pod that is still there.
fn last_exit(workload: &Workload, job: &str) -> String {
    let own = workload.pods.iter().filter(|pod| pod.controller.as_ref().is_some_and(|it| it.uid == job));
    let ends =
        own.flat_map(|pod| pod.containers.iter().filter_map(move |it| Some((pod, it, it.ended.as_ref()?))));
    let last = ends.filter(|(_, _, run)| run.code != 0).max_by_key(|(_, _, run)| run.finished);
    last.map_or_else(String::new, |(pod, container, run)| {
        format!("; container {} of {} ended with exit code {}", container.name, pod.name, run.code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy, owner, pod};
    use serde_json::{Value, json};

    fn job(name: &str, created: &str, end: &str) -> Value {
        let condition = json!({"type": end, "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit"});
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"namespace": "shop", "name": name, "uid": format!("Job-{name}"), "creationTimestamp": created},
            "spec": {"template": {"spec": {"containers": []}}}, "status": {"conditions": [condition]}})
    }

    /// Of CronJob `nightly`, on two days.
    fn nightly(first: &str, second: &str) -> World {
        let cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"namespace": "shop", "name": "nightly", "uid": "CronJob-nightly"}, "spec": {"schedule": "@daily"}});
        let mut world = healthy().with(cron);
        for (name, day, end) in [("nightly-1", "01", first), ("nightly-2", "02", second)] {
            let mut job = job(name, &format!("2026-01-{day}T00:00:00Z"), end);
            job["metadata"]["ownerReferences"] = json!([owner("batch/v1", "CronJob", "nightly")]);
            world = world.with(job);
        }
        world
    }

    #[test]
    fn hc901_job_failed() {
        let once = |end: &str| healthy().with(job("migrate", "2026-01-01T00:00:00Z", end));
        let fires: &[&str] = &["cronjob/nightly error"];
        cases(
            &CHECK,
            &[
                ("failed", once("Failed"), &["job/migrate error"]),
                ("complete", once("Complete"), &[]),
                ("on its way to fail", once("FailureTarget"), &[]),
                ("D3: a newer one succeeded", nightly("Failed", "Complete"), &[]),
                ("the newest failed", nightly("Complete", "Failed"), fires),
                ("a newer one still runs", nightly("Failed", "SuccessCriteriaMet"), fires),
            ],
        );
        let mut failed = pod("migrate-x", "migrate", "n1");
        failed["metadata"]["ownerReferences"] = json!([owner("batch/v1", "Job", "migrate")]);
        failed["status"] = json!({"phase": "Failed", "containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 3, "finishedAt": "2026-01-01T00:00:00Z"}}}]});
        assert_eq!(
            once("Failed").with(failed).message(&CHECK),
            "failed (BackoffLimitExceeded): Job has reached the specified backoff limit; container main of migrate-x ended with exit code 3"
        );
    }

    #[test]
    fn pods_of_jobs_that_succeeded_are_no_finding() {
        let mut done = pod("migrate-x", "migrate", "n1");
        done["metadata"]["ownerReferences"] = json!([owner("batch/v1", "Job", "migrate")]);
        done["status"] = json!({"phase": "Succeeded"});
        let world = healthy().with(job("migrate", "2026-01-01T00:00:00Z", "Complete")).with(done);
        let (findings, _) = crate::checks::run(&world.snapshot(), |_| true);
        assert_eq!(findings, [], "D2");
    }
}
