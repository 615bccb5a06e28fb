//! What Events tell about a pod that its status does not: volumes, sandboxes, the words of a failed probe, a node on its way.

use std::borrow::Borrow;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{CONTAINERS_NOT_READY, Trouble, patience, running_since, spec_of, trouble, words};
use crate::PodExt;
use crate::raw::Raw;

/// Between a pod that is bound and its first container. Reasons of `pkg/kubelet/events/event.go`.
const BEFORE_START: [&str; 6] = [
    "FailedMount",
    "FailedAttachVolume",
    "FailedMapVolume",
    "FailedCreatePodSandBox",
    "FailedPrepareDynamicResources",
    "NetworkNotReady",
];
/// The kubelet got further than that.
const STARTING: [&str; 4] = ["Pulling", "Pulled", "Created", "Started"];
/// The cluster autoscaler gives up on a node that does not register (`--max-node-provision-time`).
const NODE_PROVISION: SignedDuration = SignedDuration::from_mins(15);

/// What is wrong with the pod, from its status and the events about it.
pub fn explain<E: Borrow<Value>>(pod: &Pod, events: &[E]) -> Option<Trouble> {
    let told = from_events(pod, events);
    match trouble(pod) {
        None => told,
        Some(seen) if seen.reason == CONTAINERS_NOT_READY => Some(match told {
            Some(told) => Trouble { not_before: seen.not_before, restarts: seen.restarts, ..told },
            None => seen,
        }),
        Some(seen) if seen.family() == "schedule" => Some(scaling(pod, events, seen)),
        Some(seen) => Some(seen),
    }
}

/// What the newest event that still holds says is wrong with the pod: core/v1 or events.k8s.io/v1.
pub fn from_events<E: Borrow<Value>>(pod: &Pod, events: &[E]) -> Option<Trouble> {
    if pod.is_ready() || pod.is_finished() || pod.is_terminating() {
        return None;
    }
    let holds = |event: &&Value| match event.text("/reason") {
        "FailedScheduling" => pod.node().is_empty(),
        "Unhealthy" => probed(pod, event).is_some(),
        reason => BEFORE_START.contains(&reason) && !has_started(pod),
    };
    let newest = about(pod, events).filter(holds).max_by_key(|event| time(event))?;
    let reason = newest.text("/reason");
    let overtaken = |event: &Value| STARTING.contains(&event.text("/reason")) && time(event) > time(newest);
    if BEFORE_START.contains(&reason) && about(pod, events).any(overtaken) {
        return None;
    }
    let mut found = Trouble::new(reason, words(newest));
    if let Some((container, not_before)) = probed(pod, newest).filter(|_| reason == "Unhealthy") {
        found.container = Some(words::clean(&container));
        found.not_before = Some(not_before);
    }
    Some(found)
}

/// When it was last seen.
pub fn time(event: &Value) -> Option<Timestamp> {
    let at = ["/series/lastObservedTime", "/lastTimestamp", "/deprecatedLastTimestamp"];
    let first = ["/eventTime", "/metadata/creationTimestamp"];
    at.iter().filter_map(|at| event.time(at)).max().or_else(|| first.iter().find_map(|at| event.time(at)))
}

/// `note` in events.k8s.io/v1, `message` in core/v1.
fn words(event: &Value) -> &str {
    let note = event.text("/note");
    if note.is_empty() { event.text("/message") } else { note }
}

fn about<'a, E: Borrow<Value>>(pod: &'a Pod, events: &'a [E]) -> impl Iterator<Item = &'a Value> {
    events.iter().map(Borrow::borrow).filter(|event| {
        let object = ["/regarding", "/involvedObject"].iter().find_map(|at| event.pointer(at));
        object.is_some_and(|object| object["kind"] == "Pod" && object["uid"] == pod.uid())
    })
}

/// The container whose probe failed in its present run, and when its patience ends.
fn probed(pod: &Pod, event: &Value) -> Option<(String, Timestamp)> {
    let field = ["/regarding/fieldPath", "/involvedObject/fieldPath"];
    let path = field.iter().map(|at| event.text(at)).find(|path| !path.is_empty())?;
    // `spec.containers{web}`
    let name = path.split_once('{')?.1.strip_suffix('}')?;
    let status = pod.status.as_ref()?;
    let mut all =
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    let container = all.find(|c| c.name == name && !c.ready)?;
    let since = running_since(container)?;
    let patience = spec_of(pod, container).map(patience::patience).unwrap_or_default();
    (time(event)? >= since).then_some((name.to_owned(), since.checked_add(patience).ok()?))
}

fn has_started(pod: &Pod) -> bool {
    let Some(status) = &pod.status else { return false };
    let mut all =
        status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten());
    all.any(|c| c.restart_count > 0 || c.state.as_ref().is_some_and(|s| s.waiting.is_none()))
}

/// A node is being added for it: that takes minutes, and is no fault until the autoscaler itself gives up.
fn scaling<E: Borrow<Value>>(pod: &Pod, events: &[E], seen: Trouble) -> Trouble {
    let autoscaler =
        |event: &&Value| matches!(event.text("/reason"), "TriggeredScaleUp" | "NotTriggerScaleUp");
    let Some(newest) = about(pod, events).filter(autoscaler).max_by_key(|event| time(event)) else {
        return seen;
    };
    let message = format!("{}; {}", seen.message, words::clean(words(newest)));
    let not_before = match newest.text("/reason") {
        "TriggeredScaleUp" => time(newest).and_then(|at| at.checked_add(NODE_PROVISION).ok()),
        _ => None,
    };
    Trouble { message, not_before, ..seen }
}
