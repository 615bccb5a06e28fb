//! HC705: a StatefulSet that waits for one of its pods.

use cluster_model::Raw;
use std::collections::BTreeMap;
use std::ops::Range;

use cluster_model::rollout::{Ordinals, ordinal_of};
use cluster_model::text::span;

use super::check::{About, Check, Found};
use super::commands::named;
use super::crashing;
use super::hc704_under_replicated::NO_LONGER_STARTING;
use crate::finding::Severity::Error;
use crate::snapshot::pod::PodState;
use crate::snapshot::{Kind, Read, Snapshot, Workload};

/// So many of the pods that are missing are named: a StatefulSet may want millions.
const NAMED: usize = 3;

pub const CHECK: Check = Check {
    id: "HC705",
    name: "stateful-set-blocked",
    about: About::Now,
    severities: &[Error],
    reads: &[Read::Pods, Read::StatefulSets],
    fires_when: "a StatefulSet whose podManagementPolicy is OrderedReady waits for a pod that has not been Ready for five minutes or is in a crash loop: pods with higher ordinals are missing, or the pod itself keeps an old template",
    why: "The controller goes on only when that pod is Ready. A corrected template does not reach it: it is replaced only once it is Ready, which it never becomes.",
    remedy: "correct the template if that is the cause, then kubectl delete pod POD: the finding has the command",
    exceptions: "The policy Parallel; an updateStrategy of OnDelete, or a partition above the pod, does not replace it in any case.",
    run,
};

fn run(snapshot: &Snapshot, found: &mut Found<'_>) {
    for workload in snapshot.selected().filter(|it| it.kind == Kind::StatefulSet) {
        let Some((at, pod)) = lowest_broken(workload, snapshot) else { continue };
        let Ordinals { all, first_updated } = Ordinals::of(&workload.object.to_value());
        let missing = missing(workload, at + 1..all.end);
        let current = workload.object.text("/status/updateRevision");
        let hash = pod.labels.get("controller-revision-hash").map_or("", String::as_str);
        let is_rolling = workload.object.text("/spec/updateStrategy/type") != "OnDelete";
        let is_old =
            is_rolling && at >= first_updated && !hash.is_empty() && !current.is_empty() && hash != current;
        let waits = match (is_old, missing) {
            (false, None) => continue,
            (true, _) => "it has an old template, and is not replaced before it is Ready".to_owned(),
            (false, Some(missing)) => format!("{missing} not created before it is Ready"),
        };
        let time = pod
            .not_ready_since()
            .map_or_else(String::new, |at| format!(" for {}", span(snapshot.seconds_since(at))));
        let message = format!("waits for {}, which has not been Ready{time}: {waits}", pod.name);
        let delete = named("delete pod", &pod.name, &pod.namespace);
        let remedy = if is_old {
            delete
        } else {
            format!("heal {} first; once its cause is gone: {delete}", pod.name)
        };
        found.add_with(Error, &workload.subject, message, remedy);
    }
}

/// Which of these ordinals have no pod, as a subject and its verb.
fn missing(workload: &Workload, ordinals: Range<i64>) -> Option<String> {
    let present = by_ordinal(workload);
    let number = (ordinals.end - ordinals.start) - present.range(ordinals.clone()).count() as i64;
    let absent = ordinals.filter(|it| !present.contains_key(it));
    let named: Vec<String> = absent.take(NAMED).map(|it| format!("{}-{it}", workload.subject.name)).collect();
    let more = number - named.len() as i64;
    let named = named.join(", ");
    match (number, more) {
        (..=0, _) => None,
        (1, _) => Some(format!("{named} is")),
        (_, 0) => Some(format!("{named} are")),
        _ => Some(format!("{named} and {more} more are")),
    }
}

/// What the controller waits for; nothing if it does not wait at all.
fn lowest_broken<'s>(workload: &'s Workload, snapshot: &Snapshot) -> Option<(i64, &'s PodState)> {
    if workload.object.text("/spec/podManagementPolicy") == "Parallel" {
        return None;
    }
    let Ordinals { all, .. } = Ordinals::of(&workload.object.to_value());
    let mut pods = by_ordinal(workload).into_iter().filter(|(at, _)| all.contains(at));
    let (at, pod) = pods.find(|(_, pod)| !pod.is_ready)?;
    let is_old = pod.not_ready_since().is_some_and(|at| snapshot.seconds_since(at) > NO_LONGER_STARTING);
    (pod.is_active() && (is_old || crashing::of(pod, snapshot).is_some())).then_some((at, pod))
}

fn by_ordinal(workload: &Workload) -> BTreeMap<i64, &PodState> {
    let name = &workload.subject.name;
    workload.pods.iter().filter_map(|pod| Some((ordinal_of(name, &pod.name)?, &**pod))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::testing::{World, cases, healthy, not_ready, not_ready_since, stateful_set};
    use serde_json::{Value, json};

    #[test]
    fn hc705_stateful_set_blocked() {
        let broken = |replicas: usize| -> World {
            let mut set = stateful_set("db", replicas);
            set[0]["spec"]["replicas"] = json!(3);
            set[0]["status"]["updateRevision"] = json!("db-new");
            healthy().with_all(set).edit("Pod/db-0", not_ready())
        };
        let hash = |hash: &str| json!({"metadata": {"labels": {"controller-revision-hash": hash}}});
        let spec = |spec: Value| json!({"spec": spec});
        let old = || broken(3).edit("Pod/db-0", hash("db-old"));
        let fires: &[&str] = &["statefulset/db error"];
        cases(
            &CHECK,
            &[
                ("the next ones are missing", broken(1), fires),
                ("all are there", broken(3), &[]),
                (
                    "Parallel",
                    broken(1).edit("StatefulSet/db", spec(json!({"podManagementPolicy": "Parallel"}))),
                    &[],
                ),
                (
                    "it was Ready until a moment ago",
                    broken(1).edit("Pod/db-0", not_ready_since("2026-01-01T23:59:00Z")),
                    &[],
                ),
                ("the rollback trap: an old template", old(), fires),
                ("its template is the current one", broken(3).edit("Pod/db-0", hash("db-new")), &[]),
                (
                    "below the partition",
                    old().edit(
                        "StatefulSet/db",
                        spec(json!({"updateStrategy": {"rollingUpdate": {"partition": 1}}})),
                    ),
                    &[],
                ),
                (
                    "OnDelete",
                    old().edit("StatefulSet/db", spec(json!({"updateStrategy": {"type": "OnDelete"}}))),
                    &[],
                ),
                ("all Ready", healthy().with_all(stateful_set("db", 3)), &[]),
            ],
        );
        assert_eq!(
            broken(1).message(&CHECK),
            "waits for db-0, which has not been Ready for 24h: db-1, db-2 are not created before it is Ready"
        );
        let many = broken(1).edit("StatefulSet/db", spec(json!({"replicas": i32::MAX})));
        assert!(
            many.message(&CHECK)
                .ends_with(": db-1, db-2, db-3 and 2147483643 more are not created before it is Ready")
        );
    }
}
