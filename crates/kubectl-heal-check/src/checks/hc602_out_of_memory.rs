//! HC602: the kernel killed a container for its memory.

use super::check::{About, Check, Found};
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::pod::{Container, PodState};
use crate::snapshot::{Read, Snapshot};

/// Later it is history.
const RECENT: i64 = 3600;

pub const CHECK: Check = Check {
    id: "HC602",
    name: "out-of-memory",
    about: About::Now,
    severities: &[Error, Warning],
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
    fires_when: "a container was killed with the reason OOMKilled within the last hour; a warning if its pod is Ready again",
    why: "It needs more memory than its limit, or loses memory: a restart heals it only until it happens again.",
    remedy: "raise its memory limit, or find what takes the memory",
    exceptions: "Exit code 137 alone, which is any SIGKILL, also of a failed livenessProbe.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected() {
        let killed: Vec<(&PodState, &Container)> =
            workload.active().filter_map(|pod| Some((pod, killed(pod, snapshot)?))).collect();
        let Some((pod, container)) = killed.iter().find(|(pod, _)| !pod.is_ready).or(killed.first()) else {
            continue;
        };
        let severity = if pod.is_ready { Warning } else { Error };
        let message = format!(
            "container {} of {} was killed for its memory (OOMKilled), {} restarts",
            container.name, pod.name, container.restarts
        );
        found.add(severity, &workload.subject, message);
    }
}

fn killed<'p>(pod: &'p PodState, snapshot: &Snapshot) -> Option<&'p Container> {
    pod.containers.iter().find(|container| {
        container.ended.as_ref().is_some_and(|it| {
            it.reason == "OOMKilled" && it.finished.is_some_and(|at| snapshot.seconds_since(at) < RECENT)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, container, healthy, not_ready};
    use serde_json::{Value, json};

    #[test]
    fn hc602_out_of_memory() {
        let last = |reason: &str, at: &str| json!({"terminated": {"exitCode": 137, "reason": reason, "finishedAt": at}});
        let web_a = |last: Value| healthy().edit("Pod/web-a", container(json!({"lastState": last})));
        let init = json!({"status": {"initContainerStatuses": [{"name": "setup", "image": "", "imageID": "", "ready": false, "restartCount": 1,
            "lastState": last("OOMKilled", "2026-01-01T23:59:00Z")}]}});
        cases(
            &CHECK,
            &[
                (
                    "Ready again",
                    web_a(last("OOMKilled", "2026-01-01T23:59:00Z")),
                    &["deployment/web warning"],
                ),
                (
                    "not Ready",
                    web_a(last("OOMKilled", "2026-01-01T23:59:00Z")).edit("Pod/web-a", not_ready()),
                    &["deployment/web error"],
                ),
                (
                    "C6: an init container",
                    healthy().edit("Pod/web-a", init).edit("Pod/web-a", not_ready()),
                    &["deployment/web error"],
                ),
                ("C5: exit code 137", web_a(last("Error", "2026-01-01T23:59:00Z")), &[]),
                ("yesterday", web_a(last("OOMKilled", "2026-01-01T20:00:00Z")), &[]),
            ],
        );
    }
}
