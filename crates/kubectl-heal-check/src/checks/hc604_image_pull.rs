//! HC604: an image that cannot be pulled.

use super::check::{About, Check, Found};
use super::commands::of;
use super::waiting::{first, is_older, message, pods};
use crate::finding::Severity::Error;
use crate::snapshot::pod::Waiting;
use crate::snapshot::{Kind, PodState, Read, Snapshot};

/// Registries fail for a moment.
const PATIENCE: i64 = 120;

pub const CHECK: Check = Check {
    id: "HC604",
    name: "image-pull",
    about: About::Now,
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
    fires_when: "a container waits with ErrImagePull or ImagePullBackOff in a pod that has been on its node for two minutes; at once with InvalidImageName or ErrImageNeverPull",
    why: "The kubelet tries again and again, with waits up to 5 min, and nothing else heals it.",
    remedy: "correct the image or its pull secret, or go back with kubectl rollback-to: the finding has the command",
    exceptions: "The first two minutes.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    let is_meant = |pod: &PodState, waiting: &Waiting| match waiting.reason.as_str() {
        "ErrImagePull" | "ImagePullBackOff" => is_older(pod, snapshot, PATIENCE),
        reason => matches!(reason, "InvalidImageName" | "ErrImageNeverPull"),
    };
    for workload in snapshot.selected() {
        if let Some(failing) = first(workload, is_meant) {
            let message = message(workload, pods(workload, is_meant), failing);
            // What rollback-to has revisions of.
            if matches!(workload.kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet) {
                let command = format!("{} --status", of("rollback-to", &workload.subject));
                let remedy =
                    format!("correct the image or its pull secret, or see what to go back to: {command}");
                found.add_with(Error, &workload.subject, message, remedy);
            } else {
                found.add(Error, &workload.subject, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, container, healthy};
    use serde_json::json;

    #[test]
    fn hc604_image_pull() {
        let web_a = |reason: &str| {
            healthy().edit(
                "Pod/web-a",
                container(json!({"state": {"running": null, "waiting": {"reason": reason}}})),
            )
        };
        let young = json!({"status": {"conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T23:59:00Z"}]}});
        let fires: &[&str] = &["deployment/web error"];
        cases(
            &CHECK,
            &[
                ("D4: for two minutes", web_a("ImagePullBackOff"), fires),
                ("one minute", web_a("ImagePullBackOff").edit("Pod/web-a", young.clone()), &[]),
                ("at once", web_a("InvalidImageName").edit("Pod/web-a", young), fires),
                ("a crash loop", web_a("CrashLoopBackOff"), &[]),
            ],
        );
        let waiting = container(json!({"state": {"running": null, "waiting": {"reason": "ErrImagePull"}}}));
        assert_eq!(
            web_a("ImagePullBackOff").edit("Pod/web-c", waiting).message(&CHECK),
            "2 of 3 pods: container main of web-a: ImagePullBackOff"
        );
        let snapshot = web_a("ImagePullBackOff").snapshot();
        let found = crate::checks::run(&snapshot, |check| check.id == CHECK.id).0;
        assert!(
            found[0].remedy.ends_with(": kubectl rollback-to deployment/web -n shop --status"),
            "{}",
            found[0].remedy
        );
    }
}
