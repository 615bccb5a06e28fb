//! HC902: a CronJob that has not succeeded for long.

use cluster_model::Raw;
use cluster_model::cron::Schedule;
use cluster_model::text::age;
use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;

use super::check::{About, Check, Found};
use super::commands::of;
use crate::finding::Severity::{Info, Warning};
use crate::snapshot::{Read, Snapshot, Workload};

/// So many times of its schedule have passed since.
const PERIODS: usize = 3;

pub const CHECK: Check = Check {
    id: "HC902",
    name: "cron-job-late",
    about: About::Now,
    severities: &[Warning, Info],
    reads: &[Read::CronJobs],
    fires_when: "three times of the schedule of a CronJob have passed since it succeeded last, or since it was created if it never did; information if it is suspended",
    why: "What it does for others, as a backup or a rotation, is missing, and nothing else notices.",
    remedy: "look whether its Jobs fail or are not created: kubectl describe cronjob NAME -n NAMESPACE",
    exceptions: "A CronJob that allows no second Job (Forbid) while one still runs, unless its Jobs are made suspended. Without timeZone the schedule is that of the controller's own zone, which is taken to be UTC. A schedule or zone that is not understood is unchecked.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.subject.kind == "CronJob") {
        let object = &workload.object;
        if object["spec"]["suspend"] == true {
            found.add_with(
                Info,
                &workload.subject,
                "is suspended: it creates no Jobs",
                format!(
                    "if it should run: {} -p '{{\"spec\":{{\"suspend\":false}}}}'",
                    of("patch", &workload.subject)
                ),
            );
            continue;
        }
        let runs_alone = object.text("/spec/concurrencyPolicy") == "Forbid";
        // Its Jobs are made suspended: one that is there does not run, and keeps all others away.
        let are_suspended = object.pointer("/spec/jobTemplate/spec/suspend").is_some_and(|it| *it == true);
        if runs_alone && !are_suspended && !object.list("/status/active").is_empty() {
            continue;
        }
        let succeeded = object.time("/status/lastSuccessfulTime");
        let Some(since) = succeeded.or(object.time("/metadata/creationTimestamp")) else { continue };
        match third(workload, since) {
            Err(why) => found.unknown(format!("{}: {why}", workload.subject)),
            Ok(Some(third)) if third <= snapshot.now => {
                let what =
                    if succeeded.is_some() { "has not succeeded" } else { "has never succeeded, created" };
                let seconds = snapshot.seconds_since(since);
                let message = match succeeded {
                    Some(_) => {
                        format!("{what} for {}: {PERIODS} times of its schedule have passed", age(seconds))
                    }
                    None => {
                        format!("{what} {} ago: {PERIODS} times of its schedule have passed", age(seconds))
                    }
                };
                found.add(Warning, &workload.subject, message);
            }
            Ok(_) => {}
        }
    }
}

/// When its schedule comes the third time after this; never for a date that does not exist.
fn third(workload: &Workload, after: Timestamp) -> Result<Option<Timestamp>, String> {
    let (schedule, zone) = schedule(workload)?;
    let mut at = Some(after);
    for _ in 0..PERIODS {
        at = at.and_then(|at| schedule.next(at, &zone));
    }
    Ok(at)
}

/// Of a CronJob.
pub fn schedule(workload: &Workload) -> Result<(Schedule, TimeZone), String> {
    let spec = &workload.object["spec"];
    let schedule = Schedule::parse(spec.text("/schedule")).ok_or("its schedule is not understood")?;
    let zone = match spec.text("/timeZone") {
        "" => TimeZone::UTC,
        name => TimeZone::get(name).map_err(|_| format!("time zone {name} is not known here"))?,
    };
    Ok((schedule, zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy};
    use serde_json::{Value, json};

    fn nightly(edit: Value) -> World {
        let mut cron = json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"namespace": "shop", "name": "nightly", "uid": "CronJob-nightly", "creationTimestamp": "2025-01-01T00:00:00Z"},
            "spec": {"schedule": "30 2 * * *", "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "OnFailure", "containers": [{"name": "main", "image": "x:1"}]}}}}},
            "status": {"lastSuccessfulTime": "2026-01-01T02:35:00Z"}});
        cluster_model::build::merge(&mut cron, edit);
        healthy().with(cron)
    }

    #[test]
    fn hc902_cron_job_late() {
        let last = |at: Option<&str>| json!({"status": {"lastSuccessfulTime": at}});
        let late = || last(Some("2025-12-29T02:35:00Z"));
        let with = |mut edit: Value, more: Value| {
            cluster_model::build::merge(&mut edit, more);
            nightly(edit)
        };
        let fires: &[&str] = &["cronjob/nightly warning"];
        cases(
            &CHECK,
            &[
                ("last night", nightly(json!({})), &[]),
                ("three nights ago", nightly(late()), fires),
                ("two nights ago", nightly(last(Some("2025-12-30T02:35:00Z"))), &[]),
                ("never", nightly(last(None)), fires),
                (
                    "never yet",
                    with(last(None), json!({"metadata": {"creationTimestamp": "2026-01-01T12:00:00Z"}})),
                    &[],
                ),
                ("weekly", with(late(), json!({"spec": {"schedule": "@weekly"}})), &[]),
                ("suspended", with(late(), json!({"spec": {"suspend": true}})), &["cronjob/nightly info"]),
                (
                    "one still runs",
                    with(
                        late(),
                        json!({"spec": {"concurrencyPolicy": "Forbid"}, "status": {"active": [{"name": "nightly-1"}]}}),
                    ),
                    &[],
                ),
                (
                    "its Jobs are made suspended, and one keeps the others away",
                    with(
                        late(),
                        json!({"spec": {"concurrencyPolicy": "Forbid", "jobTemplate": {"spec": {"suspend": true}}},
                            "status": {"active": [{"name": "nightly-1"}]}}),
                    ),
                    fires,
                ),
                (
                    "a zone that nobody knows",
                    with(late(), json!({"spec": {"timeZone": "Nowhere/Else"}})),
                    &["unchecked"],
                ),
                ("no schedule", with(late(), json!({"spec": {"schedule": "sometimes"}})), &["unchecked"]),
            ],
        );
    }
}
