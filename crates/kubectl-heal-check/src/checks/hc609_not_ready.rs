//! HC609: a pod that runs and does not become Ready.

use cluster_model::NodeExt;
use cluster_model::text::span;

use super::check::{About, Check, Found};
use super::commands::describe;
use super::crashing;
use super::hc704_under_replicated::NO_LONGER_STARTING;
use super::probe::seconds_of_patience;
use super::waiting::because;
use crate::finding::Severity::Warning;
use crate::snapshot::pod::{Phase, PodState};
use crate::snapshot::{Kind, Read, Snapshot, Workload};

pub const CHECK: Check = Check {
    id: "HC609",
    name: "not-ready",
    about: About::Now,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Nodes,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Jobs,
        Read::CronJobs,
    ],
    fires_when: "a pod runs and has not been Ready for five minutes, or for as long as its startupProbe allows if that is longer",
    why: "It gets no traffic, and neither the kubelet nor its controller does anything about a pod that only is not Ready.",
    remedy: "kubectl describe pod POD shows which probe or readiness gate fails, and with what answer",
    exceptions: "Pods of Jobs; crash loops (HC601), containers that wait to be started, and pods on a node that is not Ready (HC801).",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.kind != Kind::Job) {
        let patience = NO_LONGER_STARTING.max(start_up(workload));
        let unready: Vec<(&PodState, i64)> = workload
            .active()
            .filter(|pod| is_up(pod, snapshot))
            .filter_map(|pod| Some((pod, snapshot.seconds_since(pod.unready.as_ref()?.since?))))
            .filter(|(_, seconds)| *seconds > patience)
            .collect();
        if let Some((pod, seconds)) = unready.iter().max_by_key(|(_, seconds)| *seconds) {
            let more = match unready.len() {
                1 => String::new(),
                n => format!(" ({n} of its pods are not)"),
            };
            let why = pod.unready.as_ref().map_or("", |it| it.message.as_str());
            let message =
                format!("{} has not been Ready for {}{more}{}", pod.name, span(*seconds), because(why));
            found.add_with(Warning, &workload.subject, message, describe(pod));
        }
    }
}

/// It runs, and no other check says why it is not Ready.
fn is_up(pod: &PodState, snapshot: &Snapshot) -> bool {
    let on_lost_node = snapshot.node(&pod.node).is_some_and(|node| node.not_ready().is_some());
    let waits = pod.containers.iter().any(|it| it.waiting.is_some());
    pod.phase == Phase::Running && !on_lost_node && !waits && crashing::of(pod, snapshot).is_none()
}

/// As long as the slowest container may take to start.
fn start_up(workload: &Workload) -> i64 {
    let probes = workload.running_containers().map(|it| &it["startupProbe"]).filter(|it| it.is_object());
    probes.map(seconds_of_patience).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, container, healthy, not_ready};
    use serde_json::{Value, json};

    #[test]
    fn hc609_not_ready() {
        let since = |at: &str| {
            json!({"status": {"conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady",
                "message": "containers with unready status: [main]", "lastTransitionTime": at}]}})
        };
        let web_a = |edit: Value| healthy().edit("Pod/web-a", edit);
        let hours = || since("2026-01-01T20:00:00Z");
        let startup = json!({"name": "main", "startupProbe": {"periodSeconds": 60, "failureThreshold": 300}});
        let slow = json!({"spec": {"template": {"spec": {"containers": [startup]}}}});
        let crashing = container(json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}}));
        let lost = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
        let job = healthy()
            .with(json!({"kind": "Job", "metadata": {"namespace": "shop", "name": "tool", "uid": "Job-tool"}, "spec": {}}))
            .with(crate::checks::testing::pod("tool", "tool", "n1"))
            .edit("Pod/tool", hours())
            .edit("Pod/tool", json!({"metadata": {"ownerReferences": [crate::checks::testing::owner("batch/v1", "Job", "tool")]}}));
        let fires: &[&str] = &["deployment/web warning"];
        cases(
            &CHECK,
            &[
                ("for hours", web_a(hours()), fires),
                ("for two minutes", web_a(since("2026-01-01T23:58:00Z")), &[]),
                ("it may take five hours to start", web_a(hours()).edit("Deployment/web", slow), &[]),
                ("a crash loop", web_a(hours()).edit("Pod/web-a", crashing), &[]),
                ("its node is lost", web_a(hours()).edit("Node/n1", lost), &[]),
                (
                    "on its way out",
                    web_a(hours()).edit(
                        "Pod/web-a",
                        json!({"metadata": {"deletionTimestamp": "2026-01-02T00:00:00Z"}}),
                    ),
                    &[],
                ),
            ],
        );
        assert_eq!(job.found(&CHECK), [""; 0], "a sidecar of a Job that is finished");
        assert_eq!(
            web_a(hours()).edit("Pod/web-b", not_ready()).message(&CHECK),
            "web-b has not been Ready for 24h (2 of its pods are not)"
        );
        assert_eq!(
            web_a(hours()).message(&CHECK),
            "web-a has not been Ready for 4h: containers with unready status: [main]"
        );
    }
}
