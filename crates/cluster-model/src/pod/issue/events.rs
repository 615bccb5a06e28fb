//! What Events report about a pod and its status does not: volumes, sandboxes, the output of a failed probe, a node that is being added.

use std::borrow::Borrow;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{CONTAINERS_NOT_READY, NOT_SCHEDULED, PodIssue, issue, patience, running_since, spec_of};
use crate::PodExt;
use crate::raw::Raw;
use crate::secret::clean;

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
/// Any scheduler that runs has processed a pod by then, and recorded the result.
const FIRST_LOOK: SignedDuration = SignedDuration::from_secs(5);

/// What is wrong with the pod, from its status and the events about it.
pub fn explain<E: Borrow<Value>>(pod: &Pod, events: &[E]) -> Option<PodIssue> {
    let reported = from_events(pod, events);
    let found = match issue(pod) {
        None => reported.or_else(|| not_scheduled(pod)),
        Some(seen) if seen.reason == CONTAINERS_NOT_READY => Some(match reported {
            Some(issue) => PodIssue { not_before: seen.not_before, restarts: seen.restarts, ..issue },
            None => seen,
        }),
        Some(seen) => Some(seen),
    }?;
    Some(if found.family() == "schedule" { new_node(pod, events, found) } else { found })
}

/// A scheduler that does not run sets no condition and writes no event.
fn not_scheduled(pod: &Pod) -> Option<PodIssue> {
    let status = pod.status.as_ref()?;
    let is_processed = status.conditions.iter().flatten().any(|condition| condition.type_ == "PodScheduled");
    if is_processed || !pod.node().is_empty() || !pod.is_pending() || pod.is_terminating() {
        return None;
    }
    let name = pod.spec.as_ref()?.scheduler_name.as_deref().unwrap_or("default-scheduler");
    let message = format!("scheduler \"{name}\" has not processed it: is it running?");
    let made = pod.metadata.creation_timestamp.as_ref()?.0;
    Some(PodIssue { not_before: made.checked_add(FIRST_LOOK).ok(), ..PodIssue::new(NOT_SCHEDULED, &message) })
}

/// What is wrong with the pod by the newest event that still holds: core/v1 or events.k8s.io/v1.
pub fn from_events<E: Borrow<Value>>(pod: &Pod, events: &[E]) -> Option<PodIssue> {
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
    let mut found = PodIssue::new(reason, message_of(newest));
    if let Some((container, not_before)) = probed(pod, newest).filter(|_| reason == "Unhealthy") {
        found.container = Some(clean(&container));
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
fn message_of(event: &Value) -> &str {
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

/// Is a node being added for the pod? The newest event of an autoscaler decides; the scheduler goes on reporting that there is none yet.
fn new_node<E: Borrow<Value>>(pod: &Pod, events: &[E], seen: PodIssue) -> PodIssue {
    let nominated = pod.status.as_ref().and_then(|status| status.nominated_node_name.as_deref());
    let newest = about(pod, events)
        .filter(|event| announces_node(event) || refuses(event))
        .max_by_key(|event| time(event));
    let text = match (nominated.filter(|node| !node.is_empty()), newest) {
        (Some(node), _) => format!("nominated to node {node}"),
        (None, Some(event)) if announces_node(event) => message_of(event).to_owned(),
        (None, Some(event)) => {
            let message = format!("{}; {}", seen.message, clean(message_of(event)));
            return PodIssue { message, ..seen };
        }
        (None, None) => return seen,
    };
    let message = format!("waiting for a new node: {}", clean(&text));
    PodIssue { message, not_before: None, new_node: true, ..seen }
}

/// Of the cluster autoscaler, or of Karpenter, whose nodes come from NodeClaims.
fn announces_node(event: &Value) -> bool {
    matches!(event.text("/reason"), "TriggeredScaleUp" | "Nominated")
        || (message_of(event).contains("nodeclaim/") && !refuses(event))
}

fn refuses(event: &Value) -> bool {
    let by =
        ["/reportingController", "/reportingComponent", "/source/component", "/deprecatedSource/component"];
    match event.text("/reason") {
        "NotTriggerScaleUp" => true,
        "FailedScheduling" => by.iter().any(|at| event.text(at).contains("karpenter")),
        _ => false,
    }
}
