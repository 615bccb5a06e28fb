//! HC307: probes that get no answer in their time.

use cluster_model::text::shorten;
use cluster_model::{Json, Raw};

use super::check::{About, Check, Found};
use super::probe_kill::EVENTS_LIVE;
use crate::finding::Severity::Warning;
use crate::snapshot::{Event, Read, Reason, Snapshot, Workload};

/// So many in an hour are more than an accident.
const OFTEN: i64 = 3;

/// As the kubelet begins its messages (`pkg/kubelet/prober/prober.go`), with the field.
const PROBES: [(&str, &str); 3] =
    [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")];

pub const CHECK: Check = Check {
    id: "HC307",
    name: "probe-time-out",
    about: About::Now,
    severities: &[Warning],
    reads: &[
        Read::Pods,
        Read::Deployments,
        Read::ReplicaSets,
        Read::StatefulSets,
        Read::DaemonSets,
        Read::Events,
    ],
    fires_when: "a probe with a timeoutSeconds of 1, which is the default, had no answer in its time three times in the last hour",
    why: "A container that is only slow is taken out of its Services, or restarted.",
    remedy: "raise timeoutSeconds of the probe, or let it ask for less",
    exceptions: "Probes that were answered with an error, and those with more time. The server keeps events for an hour.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.runs_for_good()) {
        for container in workload.running_containers() {
            for (word, field) in PROBES {
                if !container[field].is_object() || time_out(&container[field]) != 1 {
                    continue;
                }
                let events = || late(workload, snapshot, container.text("/name"), word);
                let often: i64 = events().map(in_an_hour).sum();
                if let Some(event) = events().last().filter(|_| often >= OFTEN) {
                    let name = container.text("/name");
                    let message = format!(
                        "{field} of container {name} had no answer within its timeoutSeconds of 1, {often} times in the last hour: {}",
                        shorten(&event.message, 160)
                    );
                    found.add(Warning, &workload.subject, message);
                }
            }
        }
    }
}

fn time_out(probe: &Json) -> i64 {
    probe.number("/timeoutSeconds").unwrap_or(1)
}

fn late<'s>(
    workload: &'s Workload,
    snapshot: &'s Snapshot,
    container: &'s str,
    word: &'static str,
) -> impl Iterator<Item = &'s Event> {
    let of_pods = workload.pods.iter().flat_map(|pod| snapshot.events_of(&pod.uid, Reason::Unhealthy));
    of_pods.filter(move |it| {
        it.container == container
            && it.message.starts_with(word)
            && snapshot.seconds_since(it.last) < EVENTS_LIVE
    })
}

/// One event that is repeated stands for all of them since its first: then for its share of an hour.
fn in_an_hour(event: &Event) -> i64 {
    let lasted = event.last.duration_since(event.first).as_secs();
    if lasted > EVENTS_LIVE { event.count * EVENTS_LIVE / lasted } else { event.count }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, event, healthy};
    use serde_json::{Value, json};

    #[test]
    fn hc307_probe_time_out() {
        let late = |edit: Value| {
            let message =
                "Liveness probe failed: Get \"http://10.0.0.1:8080/live\": context deadline exceeded";
            let mut late = event("pod-web-a", "Unhealthy", message, "2026-01-01T23:30:00Z");
            late["count"] = json!(3);
            cluster_model::build::merge(&mut late, edit);
            healthy().with(late)
        };
        let seconds = |seconds: i64| {
            let container = json!({"name": "main", "livenessProbe": {"timeoutSeconds": seconds, "httpGet": {"path": "/live", "port": 8080}}});
            json!({"spec": {"template": {"spec": {"containers": [container]}}}})
        };
        let fires: &[&str] = &["deployment/web warning"];
        cases(
            &CHECK,
            &[
                ("three times", late(json!({})), fires),
                ("twice", late(json!({"count": 2})), &[]),
                ("two hours ago", late(json!({"lastTimestamp": "2026-01-01T22:00:00Z"})), &[]),
                (
                    "three times, in as many days",
                    late(json!({"firstTimestamp": "2025-12-29T23:30:00Z", "count": 9})),
                    &[],
                ),
                (
                    "an error is an answer",
                    late(json!({"message": "Liveness probe failed: HTTP probe failed with statuscode: 500"})),
                    &[],
                ),
                ("more time", late(json!({})).edit("Deployment/web", seconds(5)), &[]),
                ("the same time", late(json!({})).edit("Deployment/web", seconds(1)), fires),
                (
                    "a container that is no longer there",
                    late(json!({"involvedObject": {"fieldPath": "spec.containers{old}"}})),
                    &[],
                ),
            ],
        );
    }
}
