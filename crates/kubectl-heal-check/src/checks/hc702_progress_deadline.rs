//! HC702: an update that made no progress.

use cluster_model::Raw;
use cluster_model::secret::clean;

use super::check::{About, Check, Found};
use super::commands::of;
use crate::finding::Severity::Error;
use crate::snapshot::{Kind, Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC702",
    name: "progress-deadline",
    about: About::Now,
    severities: &[Error],
    reads: &[Read::Deployments],
    fires_when: "a Deployment reports ProgressDeadlineExceeded and is not paused",
    why: "Its update has stopped half-way, and no controller goes back to the revision that worked.",
    remedy: "kubectl rollback-to shows why it is stuck, and goes back: the finding has the command",
    exceptions: "A Deployment that is paused.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.kind == Kind::Deployment) {
        let object = &workload.object;
        let exceeded = object.list("/status/conditions").iter().find(|it| {
            it["type"] == "Progressing"
                && it["status"] == "False"
                && it["reason"] == "ProgressDeadlineExceeded"
        });
        if let Some(condition) = exceeded.filter(|_| object["spec"]["paused"] != true) {
            let remedy = format!("{} --status", of("rollback-to", &workload.subject));
            found.add_with(
                Error,
                &workload.subject,
                format!("its update made no progress: {}", clean(condition.text("/message"))),
                remedy,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, healthy};
    use serde_json::json;

    #[test]
    fn hc702_progress_deadline() {
        let condition = |status: &str, reason: &str| {
            let condition = json!({"type": "Progressing", "status": status, "reason": reason, "message": "ReplicaSet has timed out"});
            healthy().edit("Deployment/web", json!({"status": {"conditions": [condition]}}))
        };
        let exceeded = || condition("False", "ProgressDeadlineExceeded");
        cases(
            &CHECK,
            &[
                ("exceeded", exceeded(), &["deployment/web error"]),
                ("paused", exceeded().edit("Deployment/web", json!({"spec": {"paused": true}})), &[]),
                ("progressing", condition("True", "ReplicaSetUpdated"), &[]),
            ],
        );
    }
}
