//! HC708: a Deployment that somebody paused.

use cluster_model::text::age;
use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use super::commands::of;
use crate::finding::Severity::Warning;
use crate::snapshot::{Kind, Read, Snapshot};

/// Until then somebody may be at work.
const FORGOTTEN_AFTER: i64 = 3600;

pub const CHECK: Check = Check {
    id: "HC708",
    name: "paused",
    about: About::Now,
    severities: &[Warning],
    reads: &[Read::Deployments],
    fires_when: "a Deployment has been paused for more than an hour, or is paused in an update that made no progress",
    why: "Pods that are lost are replaced, but a change of its template, the way to correct a bad one too, has no effect.",
    remedy: "kubectl rollout resume, or kubectl rollback-to if the update is bad: the finding has the command",
    exceptions: "The first hour. Without progressDeadlineSeconds the server does not record since when: then nothing is said.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.kind == Kind::Deployment) {
        let object = &workload.object;
        let Some(condition) = progress(object).filter(|_| object["spec"]["paused"] == true) else { continue };
        match condition.text("/reason") {
            // The controller leaves this as it is when it finds the Deployment paused (`pkg/controller/deployment/sync.go`).
            "ProgressDeadlineExceeded" => found.add_with(
                Warning,
                &workload.subject,
                "is paused in an update that made no progress",
                format!("{} --status", of("rollback-to", &workload.subject)),
            ),
            "DeploymentPaused" => {
                let seconds = condition.time("/lastTransitionTime").map(|at| snapshot.seconds_since(at));
                if let Some(seconds) = seconds.filter(|it| *it > FORGOTTEN_AFTER) {
                    found.add_with(
                        Warning,
                        &workload.subject,
                        format!("paused for {}: no change of its template has an effect", age(seconds)),
                        of("rollout resume", &workload.subject),
                    );
                }
            }
            _ => {}
        }
    }
}

fn progress(object: &Json) -> Option<&Json> {
    object.list("/status/conditions").iter().find(|it| it["type"] == "Progressing")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc708_paused() {
        let paused = |status: &str, reason: &str, at: &str| {
            let condition =
                json!({"type": "Progressing", "status": status, "reason": reason, "lastTransitionTime": at});
            healthy().edit(
                "Deployment/web",
                json!({"spec": {"paused": true}, "status": {"conditions": [condition]}}),
            )
        };
        let long = || paused("Unknown", "DeploymentPaused", "2026-01-01T20:00:00Z");
        let fires: &[&str] = &["deployment/web warning"];
        cases(
            &CHECK,
            &[
                ("for hours", long(), fires),
                ("for ten minutes", paused("Unknown", "DeploymentPaused", "2026-01-01T23:50:00Z"), &[]),
                ("resumed", long().edit("Deployment/web", json!({"spec": {"paused": false}})), &[]),
                (
                    "in a failed update",
                    paused("False", "ProgressDeadlineExceeded", "2026-01-01T23:50:00Z"),
                    fires,
                ),
            ],
        );
    }
}
