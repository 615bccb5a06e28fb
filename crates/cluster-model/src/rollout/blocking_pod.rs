//! The trap of OrderedReady (kubernetes#67250, "Forced rollback" in the documentation): the controller waits at the lowest pod
//! that is not Ready and never comes to the step that would replace it, so a pod broken by the old template stays although the
//! template is good again. Only deleting it helps.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::ordinals::{Ordinals, moves, ordinal, replicas};
use super::revision_object::CONTROLLER_REVISION_HASH;
use super::update_strategy::Moves;
use crate::pod::issue::{NOT_READY, issue};
use crate::{PodExt, Raw};

/// The pod that an ordered rolling update waits for, and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub enum InTheWay<'a> {
    /// Only its deletion brings it to the new template.
    Replaceable(&'a Pod),
    /// Below the partition: it would come back with the old one.
    Kept(&'a Pod),
}

/// `on_target`: was the pod made from the template that is rolled out? The one rule of what `--unstick` deletes: the plan uses it
/// what it would do, and the run does it by it. `None` as long as the controller has something else to do or to wait for.
pub fn in_the_way<'a>(
    set: &Value,
    pods: &'a [Pod],
    on_target: impl Fn(&Pod) -> bool,
) -> Option<InTheWay<'a>> {
    if !is_rolling(set) || set.text("/spec/podManagementPolicy") == "Parallel" {
        return None;
    }
    let ordinals = Ordinals::of(set);
    let present = by_ordinal(set, pods);
    for ordinal in ordinals.all {
        // One that is missing is being made, and comes with the new template.
        let pod = *present.get(&ordinal)?;
        if is_running_and_ready(pod) {
            continue;
        }
        return match () {
            () if on_target(pod) || goes(pod) => None,
            () if ordinal < ordinals.first_updated => Some(InTheWay::Kept(pod)),
            () => Some(InTheWay::Replaceable(pod)),
        };
    }
    None
}

/// The broken pod of an old template that a rolling update waits for and never replaces.
pub fn blocker<'a>(set: &Value, pods: &'a [Pod]) -> Option<&'a Pod> {
    if !is_observed(set) {
        return None;
    }
    match in_the_way(set, pods, |pod| !is_old(set, pod))? {
        InTheWay::Replaceable(pod) => Some(pod),
        InTheWay::Kept(_) => None,
    }
}

/// The same under Parallel, where the controller replaces such a pod itself, unless it has the gate MaxUnavailableStatefulSet
/// and not its fix (1.35.0 to 1.35.3, kubernetes#137409): then it counts the pod as unavailable and waits. Whether it does can
/// only be recognised when nothing happens for a while, which the caller has to observe.
pub fn stalled<'a>(set: &Value, pods: &'a [Pod]) -> Option<&'a Pod> {
    if !is_rolling(set) || set.text("/spec/podManagementPolicy") != "Parallel" || !is_observed(set) {
        return None;
    }
    let ordinals = Ordinals::of(set);
    let present = by_ordinal(set, pods);
    let complete = ordinals.all.clone().all(|ordinal| present.contains_key(&ordinal));
    let waits = |pod: &&Pod| pod.is_terminating() || (!is_old(set, pod) && !is_running_and_ready(pod));
    if !complete || present.values().any(waits) {
        return None;
    }
    let updated = ordinals.first_updated.max(ordinals.all.start)..ordinals.all.end;
    let mut old = updated.filter_map(|ordinal| present.get(&ordinal).copied());
    old.find(|pod| !is_running_and_ready(pod) && is_old(set, pod) && !goes(pod))
}

/// Why it is in the way; one line.
pub fn why(pod: &Pod) -> String {
    let fault = issue(pod).map_or_else(|| NOT_READY.to_owned(), |issue| issue.to_string());
    format!("{fault}; its template is not the current one, and it is not replaced automatically")
}

fn is_rolling(set: &Value) -> bool {
    // OnDelete never replaces a pod; Recreate (KEP-3541) deletes all of them itself.
    matches!(moves(set, replicas(set)), Moves::Descending { .. })
}

/// Before that, `updateRevision` may be another template's, and a pod that is deleted comes back on it.
fn is_observed(set: &Value) -> bool {
    set.number("/status/observedGeneration") >= set.number("/metadata/generation")
        && !set.text("/status/updateRevision").is_empty()
}

fn by_ordinal<'a>(set: &Value, pods: &'a [Pod]) -> BTreeMap<i64, &'a Pod> {
    let own = pods.iter().filter(|pod| pod.is_controlled_by(set.uid()));
    own.filter_map(|pod| Some((ordinal(set, pod)?, pod))).collect()
}

fn is_running_and_ready(pod: &Pod) -> bool {
    pod.phase() == "Running" && pod.is_ready() && !pod.is_terminating()
}

fn hash(pod: &Pod) -> &str {
    pod.metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(CONTROLLER_REVISION_HASH))
        .map(String::as_str)
        .unwrap_or_default()
}

fn is_old(set: &Value, pod: &Pod) -> bool {
    !hash(pod).is_empty() && hash(pod) != set.text("/status/updateRevision")
}

/// The controller deletes finished pods itself, and what is terminating goes by itself.
fn goes(pod: &Pod) -> bool {
    pod.is_terminating() || pod.is_finished()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{PodBuild, merge, pod};
    use serde_json::json;

    /// Three replicas on their way to `web-good`.
    fn set(edit: Value) -> Value {
        let mut set = json!({
            "metadata": {"name": "web", "uid": "uid-web", "generation": 2},
            "spec": {"replicas": 3, "podManagementPolicy": "OrderedReady",
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}},
            "status": {"observedGeneration": 2, "updateRevision": "web-good"}});
        merge(&mut set, edit);
        set
    }

    fn named(name: &str, hash: &str, ready: bool) -> Pod {
        let ready = if ready { "True" } else { "False" };
        pod(&format!("shop/{name}"), "n1").owned_by("apps/v1", "StatefulSet", "web").edit(
            json!({"metadata": {"labels": {"controller-revision-hash": hash}}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}),
        )
    }

    fn good(ordinal: i64) -> Pod {
        named(&format!("web-{ordinal}"), "web-good", true)
    }

    fn bad(ordinal: i64) -> Pod {
        named(&format!("web-{ordinal}"), "web-bad", false)
    }

    type Case = (&'static str, Value, Vec<Pod>, Option<&'static str>);

    /// The first ten are those of kubectl-status (bergerx/kubectl-status, StatefulSetRollbackTrap). Its eleventh, how long the pod
    /// has not been Ready, is for the tracker to decide.
    fn cases() -> Vec<Case> {
        let start = |more: Value| {
            let mut edit = json!({"spec": {"ordinals": {"start": 5}}});
            merge(&mut edit, more);
            edit
        };
        let partition = |n: i64| json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": n}}}});
        vec![
            ("not Ready on the old template", json!({}), vec![bad(0), good(1), good(2)], Some("web-0")),
            ("the lowest of several", json!({}), vec![bad(2), bad(1), good(0)], Some("web-1")),
            (
                "a lower one is on its way",
                json!({}),
                vec![named("web-0", "web-good", false), good(1), bad(2)],
                None,
            ),
            ("all are Ready", json!({}), vec![named("web-0", "web-bad", true), good(1), good(2)], None),
            (
                "it has the new template",
                json!({}),
                vec![good(0), named("web-1", "web-good", false), good(2)],
                None,
            ),
            ("no label", json!({}), vec![good(0), named("web-1", "", false), good(2)], None),
            (
                "it is terminating",
                json!({}),
                vec![good(0), bad(1).deleted("2026-01-01T00:00:00Z"), good(2)],
                None,
            ),
            ("below the partition", partition(2), vec![good(0), bad(1), good(2)], None),
            ("beyond the replicas", json!({}), vec![good(0), good(1), good(2), bad(3)], None),
            (
                "of another StatefulSet",
                json!({}),
                vec![good(0), good(1), good(2), named("web-canary-0", "web-bad", false)],
                None,
            ),
            (
                "of another owner",
                json!({}),
                vec![good(0), bad(1).owned_by("apps/v1", "StatefulSet", "other"), good(2)],
                None,
            ),
            ("at the partition", partition(1), vec![good(0), bad(1), good(2)], Some("web-1")),
            ("ordinals from 5 on", start(json!({})), vec![good(5), bad(6), good(7)], Some("web-6")),
            ("ordinals from 5 on, below", start(json!({})), vec![bad(4), good(5), good(6), good(7)], None),
            ("the partition counts from 5", start(partition(2)), vec![good(5), bad(6), good(7)], None),
            (
                "the partition counts from 5, at it",
                start(partition(1)),
                vec![good(5), bad(6), good(7)],
                Some("web-6"),
            ),
            ("a lower one is missing", json!({}), vec![bad(1), good(2)], None),
            (
                "a lower one is terminating",
                json!({}),
                vec![good(0).deleted("2026-01-01T00:00:00Z"), bad(1), good(2)],
                None,
            ),
            ("its phase is Failed", json!({}), vec![good(0), bad(1).phase("Failed"), good(2)], None),
            ("still Pending", json!({}), vec![good(0), bad(1).phase("Pending"), good(2)], Some("web-1")),
            (
                "not seen by the controller",
                json!({"metadata": {"generation": 3}}),
                vec![good(0), bad(1), good(2)],
                None,
            ),
            (
                "no revision yet",
                json!({"status": {"updateRevision": null}}),
                vec![good(0), bad(1), good(2)],
                None,
            ),
            (
                "OnDelete",
                json!({"spec": {"updateStrategy": {"type": "OnDelete"}}}),
                vec![good(0), bad(1), good(2)],
                None,
            ),
            (
                "Recreate",
                json!({"spec": {"updateStrategy": {"type": "Recreate"}}}),
                vec![good(0), bad(1), good(2)],
                None,
            ),
            (
                "defaults",
                json!({"spec": {"updateStrategy": null, "podManagementPolicy": null}}),
                vec![good(0), bad(1), good(2)],
                Some("web-1"),
            ),
            (
                "Parallel",
                json!({"spec": {"podManagementPolicy": "Parallel"}}),
                vec![good(0), bad(1), good(2)],
                None,
            ),
            ("no replicas", json!({"spec": {"replicas": 0}}), vec![bad(0)], None),
        ]
    }

    #[test]
    fn only_the_pod_that_ordered_ready_waits_for() {
        for (case, edit, pods, expected) in cases() {
            assert_eq!(blocker(&set(edit), &pods).map(PodExt::name), expected, "{case}");
        }
    }

    #[test]
    fn parallel_stalls_only_where_the_controller_waits_for_nothing_else() {
        let parallel = |mut edit: Value| {
            merge(&mut edit, json!({"spec": {"podManagementPolicy": "Parallel"}}));
            set(edit)
        };
        for (case, edit, pods, expected) in [
            ("stalled", json!({}), vec![good(0), bad(1), bad(2)], Some("web-1")),
            (
                "another is on its way",
                json!({}),
                vec![good(0), bad(1), named("web-2", "web-good", false)],
                None,
            ),
            (
                "another is terminating",
                json!({}),
                vec![good(0), bad(1), bad(2).deleted("2026-01-01T00:00:00Z")],
                None,
            ),
            ("another is missing", json!({}), vec![good(0), bad(1)], None),
            (
                "below the partition",
                json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}}),
                vec![good(0), bad(1), good(2)],
                None,
            ),
            (
                "OnDelete",
                json!({"spec": {"updateStrategy": {"type": "OnDelete"}}}),
                vec![good(0), bad(1), good(2)],
                None,
            ),
        ] {
            assert_eq!(stalled(&parallel(edit), &pods).map(PodExt::name), expected, "{case}");
        }
        assert_eq!(
            stalled(&set(json!({})), &[good(0), bad(1), good(2)]).map(PodExt::name),
            None,
            "OrderedReady"
        );
    }

    #[test]
    fn what_is_wrong_with_the_pod_is_part_of_the_reason() {
        let pod = bad(1).waiting("CrashLoopBackOff");
        assert_eq!(
            why(&pod),
            "CrashLoopBackOff in container main; its template is not the current one, and it is not replaced automatically"
        );
    }
}
