//! HC305: a livenessProbe that gives up before a slow start is over.

use cluster_model::text::span;
use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use super::probe::seconds_of_patience;
use crate::finding::Severity::Warning;
use crate::snapshot::pod::PodState;
use crate::snapshot::{Read, Snapshot, Workload};

/// Fewer starts say nothing.
const SAMPLES: usize = 3;

pub const CHECK: Check = Check {
    id: "HC305",
    name: "slow-start",
    about: About::Posture,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::ReplicationControllers,
        Read::StatefulSets,
        Read::DaemonSets,
    ],
    fires_when: "a container has a livenessProbe and no startupProbe, and was restarted, and pods took longer from its start to Ready than the livenessProbe waits before it gives up",
    why: "A start that is a little slower than usual is killed, and the next one as well: it restarts for ever.",
    remedy: "add a startupProbe with a failureThreshold for the slowest start",
    exceptions: "With fewer than three observed starts nothing is said, and neither without a restart: the livenessProbe has let every start pass. The longest one is left out: its pod may have been Ready before.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.posture().filter(|it| it.runs_for_good()) {
        for container in workload.running_containers() {
            let Some(patience) = patience(container) else { continue };
            let name = container.text("/name");
            let Some(longest) = second_longest(workload, name, snapshot) else { continue };
            if longest > patience {
                let message = format!(
                    "the livenessProbe of container {name} gives up after {}, and its pods took {} to become Ready; it was restarted before",
                    span(patience),
                    span(longest)
                );
                found.add(Warning, &workload.subject, message);
            }
        }
    }
}

/// Seconds from the start of the container until it is killed, if nothing answers and nothing holds the livenessProbe back.
pub fn patience(container: &Json) -> Option<i64> {
    let probe = container.get("livenessProbe").filter(|it| !it.is_null())?;
    let waits = container["startupProbe"].is_null();
    waits.then(|| seconds_of_patience(probe))
}

/// The second longest of the times from the start of the container to Ready, if it was ever restarted.
pub fn second_longest(workload: &Workload, container: &str, snapshot: &Snapshot) -> Option<i64> {
    let is_restarted =
        |pod: &PodState| pod.containers.iter().any(|it| &*it.name == container && it.restarts > 0);
    if !workload.active().any(is_restarted) {
        return None;
    }
    let ready = workload.first_ready(snapshot).filter(|pod| pod.is_active() && pod.is_ready);
    let seconds = ready.filter_map(|pod| {
        let status = pod.containers.iter().find(|it| &*it.name == container)?;
        let seconds = pod.ready_since?.duration_since(status.running_since?).as_secs();
        (seconds >= 0).then_some(seconds)
    });
    let mut seconds: Vec<i64> = seconds.collect();
    seconds.sort_unstable();
    if seconds.len() < SAMPLES { None } else { seconds.iter().rev().nth(1).copied() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc305_slow_start() {
        // The healthy one waits 3 times 10 seconds.
        let started = |pods: &[&str], restarts: i32| -> World {
            let status = json!({"name": "main", "image": "", "imageID": "", "ready": true, "restartCount": restarts,
                "state": {"running": {"startedAt": "2025-12-31T23:59:20Z"}}});
            pods.iter().fold(healthy(), |world, pod| {
                world.edit(&format!("Pod/{pod}"), json!({"status": {"containerStatuses": [status]}}))
            })
        };
        let slow = || started(&["web-a", "web-b", "web-c"], 1);
        let container = |edit: Value| {
            let mut container = crate::checks::testing::template("web")["spec"]["containers"][0].clone();
            cluster_model::build::merge(&mut container, edit);
            json!({"spec": {"template": {"spec": {"containers": [container]}}}})
        };
        let startup = container(json!({"startupProbe": {"httpGet": {"port": "http"}}}));
        let delay = container(json!({"livenessProbe": {"initialDelaySeconds": 60}}));
        cases(
            &CHECK,
            &[
                ("45 seconds", slow(), &["deployment/web warning"]),
                ("one of three: it may have been Ready before", started(&["web-a"], 1), &[]),
                (
                    "no restart: the livenessProbe waited for long enough",
                    started(&["web-a", "web-b", "web-c"], 0),
                    &[],
                ),
                ("a startupProbe", slow().edit("Deployment/web", startup), &[]),
                ("a delay", slow().edit("Deployment/web", delay), &[]),
                ("two starts", slow().without("Pod/web-c"), &[]),
            ],
        );
        assert_eq!(
            slow().message(&CHECK),
            "the livenessProbe of container main gives up after 30s, and its pods took 45s to become Ready; it was restarted before"
        );
    }
}
