//! HC903: a Job for which one crash is final.

use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use crate::finding::Severity::Warning;
use crate::snapshot::{Kind, Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC903",
    name: "no-retry",
    about: About::Posture,
    severities: &[Warning],
    reads: &[Read::Jobs, Read::CronJobs],
    fires_when: "a Job, or the template of a CronJob, has a backoffLimit of 0 and the restartPolicy Never",
    why: "One crash is final, and so is the loss of its node or an eviction.",
    remedy: "set backoffLimit to 1 or more if the work may be repeated; a podFailurePolicy can ignore disruptions and still not repeat a crash",
    exceptions: "Jobs that have ended; limits for each index; a podFailurePolicy, which decides itself. Work that must not be repeated: ignore the finding then.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.kind == Kind::Job && !has_ended(it)) {
        if is_final(workload) {
            found.add(
                Warning,
                &workload.subject,
                "has backoffLimit 0 and restartPolicy Never: one crash is final",
            );
        }
    }
}

fn spec(workload: &Workload) -> &Json {
    match workload.subject.kind.as_str() {
        "CronJob" => &workload.object["spec"]["jobTemplate"]["spec"],
        _ => &workload.object["spec"],
    }
}

fn has_ended(workload: &Workload) -> bool {
    let conditions = workload.object.list("/status/conditions").iter();
    workload.subject.kind == "Job"
        && conditions
            .into_iter()
            .any(|it| it["status"] == "True" && (it["type"] == "Failed" || it["type"] == "Complete"))
}

fn is_final(workload: &Workload) -> bool {
    let spec = spec(workload);
    spec.number("/backoffLimit") == Some(0)
        && workload.spec().text("/restartPolicy") == "Never"
        && spec["backoffLimitPerIndex"].is_null()
        && spec["podFailurePolicy"].is_null()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc903_no_retry() {
        let spec = |limit: i64, policy: &str| json!({"backoffLimit": limit, "template": {"spec": {"restartPolicy": policy, "containers": []}}});
        let job = |spec: Value, end: &str| {
            healthy().with(json!({"kind": "Job", "metadata": {"namespace": "shop", "name": "migrate", "uid": "j"}, "spec": spec,
                "status": {"conditions": [{"type": end, "status": "True"}]}}))
        };
        let cron = |spec: Value| {
            healthy().with(json!({"kind": "CronJob", "metadata": {"namespace": "shop", "name": "nightly", "uid": "c"}, "spec": {"jobTemplate": {"spec": spec}}}))
        };
        let mut ignores = spec(0, "Never");
        ignores["podFailurePolicy"] = json!({"rules": []});
        cases(
            &CHECK,
            &[
                ("final", job(spec(0, "Never"), "Suspended"), &["job/migrate warning"]),
                ("one retry", job(spec(1, "Never"), "Suspended"), &[]),
                ("restarted in place", job(spec(0, "OnFailure"), "Suspended"), &[]),
                ("it has ended", job(spec(0, "Never"), "Complete"), &[]),
                ("a policy decides", job(ignores, "Suspended"), &[]),
                ("of a CronJob", cron(spec(0, "Never")), &["cronjob/nightly warning"]),
                ("of a CronJob, with a retry", cron(spec(6, "Never")), &[]),
            ],
        );
    }
}
