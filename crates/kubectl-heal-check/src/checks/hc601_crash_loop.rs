//! HC601: a container that keeps ending.

use cluster_model::healing::back_off::next_attempt;
use cluster_model::text::{count, span};
use plugin_client::shell::word;

use super::check::{About, Check, Found};
use super::commands::named;
use super::crashing::{first, of};
use crate::finding::Severity::{Critical, Error};
use crate::snapshot::pod::Container;
use crate::snapshot::{Read, Snapshot};

pub const CHECK: Check = Check {
    id: "HC601",
    name: "crash-loop",
    about: About::Now,
    severities: &[Critical, Error],
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
    fires_when: "a container waits in CrashLoopBackOff, or was restarted twice or more, ended less than ten minutes ago and runs for less than ten minutes; critical if no pod of the workload is Ready",
    why: "The kubelet restarts it again and again, with waits of 10 s that double up to 5 min, and it ends each time.",
    remedy: "read the log of its last run: the finding has the command",
    exceptions: "Restarts of long ago: what counts is the last ten minutes.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected() {
        let Some((pod, container)) = first(workload, snapshot) else { continue };
        let pods = workload.active().filter(|pod| of(pod, snapshot).is_some()).count();
        let severity = if workload.ready().next().is_none() { Critical } else { Error };
        let message = format!(
            "{pods} of {} in a crash loop: container {} of {} {}{}",
            count(workload.active().count(), "pod"),
            container.name,
            pod.name,
            ended(container),
            next(container, snapshot),
        );
        let remedy =
            format!("{} -c {} --previous", named("logs", &pod.name, &pod.namespace), word(&container.name));
        found.add_with(severity, &workload.subject, message, remedy);
    }
}

/// What its exit code says, and no more: 137 is any SIGKILL.
fn ended(container: &Container) -> String {
    let Some(run) = &container.ended else { return "ended".to_owned() };
    let why = match (run.code, run.reason.as_str()) {
        (0, _) => return format!("completed and is started again ({})", restarts(container)),
        (_, "OOMKilled") => " (OOMKilled)",
        (126, _) => " (its command cannot be executed)",
        (127, _) => " (its command was not found)",
        (137, _) => " (SIGKILL)",
        (139, _) => " (SIGSEGV)",
        (143, _) => " (SIGTERM)",
        _ => "",
    };
    format!("ended with exit code {}{why}, {}", run.code, restarts(container))
}

fn restarts(container: &Container) -> String {
    count(usize::try_from(container.restarts).unwrap_or_default(), "restart")
}

/// `; next attempt not before 14:03:20 UTC (in 1m12s)`: the kubelet looks after each pod at intervals, and may be late (pkg/kubelet/pod_workers.go).
fn next(container: &Container, snapshot: &Snapshot) -> String {
    let at = container
        .waiting
        .as_ref()
        .and_then(|waiting| next_attempt(container.ended.as_ref()?.finished?, &waiting.message));
    let Some(at) = at else { return String::new() };
    let left = at.duration_since(snapshot.now).as_secs();
    let when = if left > 0 { format!("in {}", span(left)) } else { "now".to_owned() };
    format!("; next attempt not before {} UTC ({when})", at.strftime("%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, container, healthy, not_ready};
    use serde_json::{Value, json};

    fn ended_at(code: i64, at: &str) -> Value {
        json!({"terminated": {"exitCode": code, "reason": "Error", "finishedAt": at}})
    }

    #[test]
    fn hc601_crash_loop() {
        let web_a =
            |status: Value| healthy().edit("Pod/web-a", not_ready()).edit("Pod/web-a", container(status));
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 1m20s restarting failed container=main pod=web-a"}});
        let last = ended_at(1, "2026-01-01T23:59:50Z");
        let waits =
            |code: i64| json!({"state": waiting, "lastState": ended_at(code, "2026-01-01T23:59:50Z")});
        let running = |since: &str, last: Value| json!({"ready": true, "state": {"running": {"startedAt": since}}, "lastState": last});
        let old = json!({"restartCount": 900, "ready": true, "state": {"running": {"startedAt": "2025-12-02T00:00:00Z"}},
            "lastState": ended_at(1, "2025-12-02T00:00:00Z")});
        let mut once = running("2026-01-01T23:59:55Z", last.clone());
        once["restartCount"] = json!(1);
        let fires: &[&str] = &["deployment/web error"];
        let mut all = web_a(waits(1));
        for name in ["Pod/web-b", "Pod/web-c"] {
            all = all.edit(name, not_ready()).edit(name, container(waits(1)));
        }
        let init = json!({"status": {"initContainerStatuses": [{"name": "setup", "image": "", "imageID": "", "ready": false, "restartCount": 4, "state": waiting, "lastState": last}]}});
        let found = |name, world: crate::checks::testing::World, expected: &[&str]| {
            assert_eq!(world.found(&CHECK), expected, "{name}");
        };
        found("all of them", all, &["deployment/web critical"]);
        found("C3: between two crashes", web_a(running("2026-01-01T23:59:55Z", last.clone())), fires);
        found("an init container", healthy().edit("Pod/web-a", init), fires);
        found("runs for long again", web_a(running("2026-01-01T23:00:00Z", last)), &[]);
        let bare = crate::checks::testing::pod("tool", "tool", "n1");
        let tool = |status| healthy().with(bare.clone()).edit("Pod/tool", container(status));
        cases(
            &CHECK,
            &[
                ("crashed once", web_a(once), &[]),
                ("C4: a month ago", web_a(old), &[]),
                ("waiting", web_a(waits(1)), fires),
                ("a pod without a controller", tool(waits(1)), &["pod/tool error"]),
            ],
        );
        assert_eq!(
            web_a(waits(1)).message(&CHECK),
            "1 of 3 pods in a crash loop: container main of web-a ended with exit code 1, 3 restarts; next attempt not before 00:01:10 UTC (in 1m10s)",
            "C7: a wait of 1m20s from 23:59:50 on"
        );
        assert!(
            web_a(waits(0))
                .message(&CHECK)
                .contains("container main of web-a completed and is started again (3 restarts)"),
            "C8"
        );
        let killed = web_a(waits(137)).message(&CHECK);
        assert!(killed.contains("exit code 137 (SIGKILL)") && !killed.contains("OOM"), "C5: {killed}");
    }
}
