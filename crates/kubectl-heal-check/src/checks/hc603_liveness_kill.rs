//! HC603: a container that its own probe restarts.

use cluster_model::text::shorten;

use super::check::{About, Check, Found};
use super::commands::describe;
use super::probe_kill::kills;
use crate::finding::Severity::{Error, Warning};
use crate::snapshot::pod::PodState;
use crate::snapshot::{Event, Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC603",
    name: "liveness-kill",
    about: About::Now,
    severities: &[Error, Warning],
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
    fires_when: "the kubelet restarted a container within the last hour because its livenessProbe or startupProbe failed; a warning if its pod is Ready again",
    why: "The container did not end by itself. Either it hung, or the probe asks too much, or too early.",
    remedy: "look why the probe failed before a restart is taken for the cure; a startupProbe gives a slow start its time; kubectl describe pod POD shows the answers of the probe",
    exceptions: "Exit code 137 or 143 alone. The server keeps events for an hour: what is older is not seen.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected() {
        let killed: Vec<(&PodState, &Event)> = workload
            .active()
            .filter_map(|pod| Some((pod, kills(pod, snapshot).max_by_key(|it| it.last)?)))
            .collect();
        let worst = killed.iter().find(|(pod, _)| !pod.is_ready).or(killed.first());
        if let Some((pod, event)) = worst {
            let severity = if pod.is_ready { Warning } else { Error };
            let message = format!("{}: {}", pod.name, shorten(&event.message, 200));
            let remedy = format!(
                "look why before a restart is taken for the cure; a startupProbe gives a slow start its time: {}",
                describe(pod)
            );
            found.add_with(severity, &workload.subject, message, remedy);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::hc602_out_of_memory;
    use crate::checks::testing::{cases, container, event, healthy, killed, not_ready};
    use serde_json::json;

    #[test]
    fn hc603_liveness_kill() {
        let at = |probe: &str, at: &str| healthy().with(killed("web-a", probe, at));
        let recent = || at("liveness", "2026-01-01T23:30:00Z");
        let last =
            json!({"terminated": {"exitCode": 137, "reason": "Error", "finishedAt": "2026-01-01T23:30:30Z"}});
        let code_137 = || healthy().edit("Pod/web-a", container(json!({"ready": true, "lastState": last})));
        let down = |world: crate::checks::testing::World| world.edit("Pod/web-a", not_ready());
        let warning: &[&str] = &["deployment/web warning"];
        cases(
            &CHECK,
            &[
                (
                    "C5: 137 and the event",
                    code_137().with(killed("web-a", "liveness", "2026-01-01T23:30:00Z")),
                    warning,
                ),
                ("C5: 137 alone", code_137(), &[]),
                ("its pod is not Ready", down(recent()), &["deployment/web error"]),
                ("the startupProbe", at("startup", "2026-01-01T23:30:00Z"), warning),
                ("two hours ago", at("liveness", "2026-01-01T22:00:00Z"), &[]),
                (
                    "stopped with its pod",
                    healthy().with(event(
                        "pod-web-a",
                        "Killing",
                        "Stopping container main",
                        "2026-01-01T23:30:00Z",
                    )),
                    &[],
                ),
            ],
        );
        let both = code_137().with(killed("web-a", "liveness", "2026-01-01T23:30:00Z"));
        assert_eq!(both.found(&hc602_out_of_memory::CHECK), [""; 0], "C5: not for its memory");
        assert_eq!(
            recent().message(&CHECK),
            "web-a: Container main failed liveness probe, will be restarted"
        );
    }
}
