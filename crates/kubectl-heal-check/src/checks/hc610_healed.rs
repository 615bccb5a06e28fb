//! HC610: containers that were restarted and are well.

use cluster_model::text::count;

use super::check::{About, Check, Found};
use crate::finding::Severity::Info;
use crate::snapshot::pod::Container;
use crate::snapshot::{Read, Snapshot};
use crate::spans;

/// A run that is longer says that the container is well again.
const WELL_AFTER: i64 = 600;

pub const CHECK: Check = Check {
    id: "HC610",
    name: "healed",
    about: About::Now,
    severities: &[Info],
    reads: &[Read::Pods, Read::Deployments, Read::ReplicaSets, Read::StatefulSets, Read::DaemonSets],
    fires_when: "containers of pods that are Ready were restarted, the last time more than ten minutes ago",
    why: "It was observed that a crash heals, and how long the last restart took.",
    remedy: "nothing to do; kubectl logs POD -n NAMESPACE --previous has the log of the last crash",
    exceptions: "The count begins anew with each pod: what happened to pods that are gone is not known.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.runs_for_good()) {
        let containers = workload.ready().flat_map(|pod| &pod.containers);
        let healed: Vec<&Container> = containers.filter(|it| is_healed(it, snapshot)).collect();
        let restarts: i64 = healed.iter().map(|it| i64::from(it.restarts)).sum();
        if restarts == 0 {
            continue;
        }
        let mut took: Vec<i64> = healed.iter().filter_map(|it| seconds(it)).collect();
        took.sort_unstable();
        let times = count(usize::try_from(restarts).unwrap_or_default(), "restart");
        let how_long = match took.get(took.len() / 2) {
            Some(median) => format!("; the last took {} (median)", spans::seconds(*median)),
            None => String::new(),
        };
        found.add(Info, &workload.subject, format!("healed by {times}{how_long}"));
    }
}

fn is_healed(container: &Container, snapshot: &Snapshot) -> bool {
    let ended = container.ended.as_ref().and_then(|it| it.finished);
    container.restarts > 0
        && container.is_ready
        && container.running_since.is_some()
        && ended.is_some_and(|at| snapshot.seconds_since(at) > WELL_AFTER)
}

/// From its last end to its next start.
fn seconds(container: &Container) -> Option<i64> {
    let ended = container.ended.as_ref()?.finished?;
    Some(container.running_since?.duration_since(ended).as_secs()).filter(|it| *it >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{cases, container, healthy, not_ready};
    use serde_json::{Value, json};

    #[test]
    fn hc610_healed() {
        let restarted = |ended: &str, started: &str| -> Value {
            container(json!({"ready": true, "restartCount": 14, "state": {"running": {"startedAt": started}},
                "lastState": {"terminated": {"exitCode": 1, "finishedAt": ended}}}))
        };
        let web_a = || healthy().edit("Pod/web-a", restarted("2026-01-01T10:00:00Z", "2026-01-01T10:00:09Z"));
        let recent = restarted("2026-01-01T23:55:00Z", "2026-01-01T23:55:09Z");
        cases(
            &CHECK,
            &[
                ("long ago", web_a(), &["deployment/web info"]),
                ("five minutes ago", healthy().edit("Pod/web-a", recent), &[]),
                ("its pod is not Ready", web_a().edit("Pod/web-a", not_ready()), &[]),
            ],
        );
        assert_eq!(web_a().message(&CHECK), "healed by 14 restarts; the last took 9s (median)");
    }
}
