//! HC304: a livenessProbe that seems to depend on something else.

use k8s_openapi::jiff::Timestamp;

use super::check::{About, Check, Found};
use super::probe_kill::kills;
use crate::finding::Severity::{Info, Warning};
use crate::snapshot::{Read, Snapshot, Workload};
use cluster_model::Raw;

/// Pods that are killed within so many seconds of each other have the same cause.
const TOGETHER: i64 = 60;

/// Parts of paths that ask for more than the process.
const WORDS: [&str; 5] = ["ready", "deep", "full", "db", "dependencies"];

pub const CHECK: Check = Check {
    id: "HC304",
    name: "liveness-dependencies",
    about: About::Posture,
    severities: &[Warning, Info],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Events,
    ],
    fires_when: "two pods of a workload were killed by their livenessProbe within a minute of each other; information if only the path of the probe suggests that it asks for more than the process",
    why: "When what they depend on is slow, every replica is restarted at once, which makes it worse.",
    remedy: "let the livenessProbe ask only the process itself, and leave what it depends on to the readinessProbe",
    exceptions: "A path alone is no more than a hint. The server keeps events for an hour.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.runs_for_good()) {
        if let Some((a, b, seconds)) = together(workload, snapshot) {
            let message =
                format!("{a} and {b} were killed by their livenessProbe within {seconds} s of each other");
            found.add(Warning, &workload.subject, message);
        } else if let Some((container, path)) = hint(workload) {
            let message = format!(
                "the livenessProbe of container {container} asks {path}, which may depend on more than the process"
            );
            found.add(Info, &workload.subject, message);
        }
    }
}

/// The two pods that were killed closest to each other, and the seconds between.
fn together<'s>(workload: &'s Workload, snapshot: &Snapshot) -> Option<(&'s str, &'s str, i64)> {
    let mut at: Vec<(Timestamp, &str)> = workload
        .pods
        .iter()
        .flat_map(|pod| kills(pod, snapshot).map(|event| (event.last, pod.name.as_str())))
        .collect();
    at.sort();
    let pairs = at.windows(2).filter(|pair| pair[0].1 != pair[1].1);
    let closest =
        pairs.map(|pair| (pair[1].0.duration_since(pair[0].0).as_secs(), pair[0].1, pair[1].1)).min()?;
    (closest.0 <= TOGETHER).then_some((closest.1, closest.2, closest.0))
}

fn hint(workload: &Workload) -> Option<(&str, &str)> {
    workload.running_containers().find_map(|container| {
        let path = container.text("/livenessProbe/httpGet/path");
        // What Spring answers there without a group includes the state of its databases.
        let is_spring = path.trim_end_matches('/').ends_with("/actuator/health");
        let mut parts = path.split(|c: char| !c.is_ascii_alphanumeric());
        let is_hint = is_spring || parts.any(|part| WORDS.contains(&part.to_ascii_lowercase().as_str()));
        is_hint.then(|| (container.text("/name"), path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy, killed};
    use serde_json::json;

    #[test]
    fn hc304_liveness_dependencies() {
        let path = |path: &str| {
            let container =
                json!({"name": "main", "livenessProbe": {"httpGet": {"path": path, "port": 8080}}});
            healthy()
                .edit("Deployment/web", json!({"spec": {"template": {"spec": {"containers": [container]}}}}))
        };
        let kills = |a: &str, b: &str| -> World {
            healthy().with(killed("web-a", "liveness", &format!("2026-01-01T23:{a}Z"))).with(killed(
                "web-b",
                "liveness",
                &format!("2026-01-01T23:{b}Z"),
            ))
        };
        let info: &[&str] = &["deployment/web info"];
        cases(
            &CHECK,
            &[
                ("the path of readiness", path("/healthz/ready"), info),
                ("the whole health of Spring", path("/actuator/health"), info),
                ("its liveness alone", path("/actuator/health/liveness"), &[]),
                ("part of a word", path("/already"), &[]),
                ("together", kills("30:00", "30:40"), &["deployment/web warning"]),
                ("one after another", kills("30:00", "35:00"), &[]),
                ("a single pod", healthy().with(killed("web-a", "liveness", "2026-01-01T23:30:00Z")), &[]),
            ],
        );
    }
}
