//! When has the scheduler placed all that it can?
//!
//! A pod that is marked Unschedulable may be about to be tried again: it waits in the scheduler's queue for its back-off (up to ten seconds)
//! or for an event, and nothing shows which. A *new* pod is tried at once. So the pods that wait are deleted, their ReplicaSets make new ones,
//! and when all of these are marked Unschedulable as well and nothing else has changed, that is final:
//! - each of them was tried after the last change, because the scheduler hears of all pods through one watch, in the order in which the API
//!   server stored the changes: who hears of a new pod has heard of every binding and deletion before it was made;
//! - nothing that changes later can help them: the pods are the only thing that moves, and none of them does.
//!
//! If one of the new pods was placed, or preempted another, the next round repeats this. Each round places pods or replaces some by others of
//! higher priority, so there is an end.
//!
//! Nodes come through another watch. That the scheduler has heard of a cordon is shown by a pod that may run on this node only: it is
//! rejected because of the cordon.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};
use testbed::{PATIENCE, Room, poll, wait};

use super::case::Case;
use super::fixtures::PROBE_PRIORITY;
use super::message::fragment;
use cluster_model::feasibility::Miss;

/// Far more than there are pods.
const ROUNDS: usize = 50;

/// The pods of both namespaces when all that can be placed is placed.
pub fn settled(room: &Room<'_>, case: &Case) -> Vec<Value> {
    let mut pods = tried(room, case, &BTreeSet::new());
    for _ in 0..ROUNDS {
        let waiting: Vec<&Value> = pods.iter().filter(|pod| !is_bound(pod)).collect();
        let deleted: BTreeSet<String> =
            waiting.iter().filter(|pod| delete_as_it_is(room, pod)).map(|pod| uid(pod).to_owned()).collect();
        let were_all_as_before = deleted.len() == waiting.len();
        let next = tried(room, case, &deleted);
        if were_all_as_before && placed(&next) == placed(&pods) {
            return next;
        }
        pods = next;
    }
    panic!("the pods of {} do not come to rest", room.namespace());
}

/// Waits until each workload has its pods, none terminates, none is among `gone`, and each is bound or was tried.
pub fn tried(room: &Room<'_>, case: &Case, gone: &BTreeSet<String>) -> Vec<Value> {
    let wanted: BTreeMap<String, u64> = case
        .deployments()
        .map(|it| (name_of(it), it["spec"]["replicas"].as_u64().unwrap_or_default()))
        .collect();
    let mut seen = Vec::new();
    let reached = poll(PATIENCE, || {
        let pods = pods(room);
        let mut counts: BTreeMap<String, u64> = wanted.keys().map(|name| (name.clone(), 0)).collect();
        pods.iter().for_each(|pod| *counts.entry(workload_of(pod)).or_default() += 1);
        let is_settled = |pod: &Value| {
            pod["metadata"]["deletionTimestamp"].is_null()
                && !gone.contains(uid(pod))
                && (is_bound(pod) || is_unschedulable(pod))
        };
        let is_reached = counts == wanted && pods.iter().all(is_settled);
        seen = pods;
        is_reached.then_some(())
    });
    if reached.is_none() {
        panic!(
            "waited {PATIENCE:?} in vain for {wanted:?} to be placed or rejected:\n{}",
            state(room, &seen)
        );
    }
    seen
}

/// For people: the pods, and why there are not more of them.
fn state(room: &Room<'_>, pods: &[Value]) -> String {
    let mut lines: Vec<String> = pods
        .iter()
        .map(|pod| format!("{} on {:?}: {}", pod["metadata"]["name"], node_of(pod), message(pod)))
        .collect();
    for namespace in [room.namespace().to_owned(), format!("{}-b", room.namespace())] {
        let events = room.cluster().list(&format!("/api/v1/namespaces/{namespace}/events"));
        let warnings =
            events.iter().filter(|event| event["type"] == "Warning" && event["reason"] != "FailedScheduling");
        lines.extend(warnings.map(|event| format!("{}: {}", event["reason"], event["message"])));
    }
    lines.join("\n")
}

/// Returns when the scheduler knows that the node is cordoned.
pub fn cordon_is_known(room: &Room<'_>, node: &str) {
    let field = json!({"key": "metadata.name", "operator": "In", "values": [node]});
    let only_there = json!({"nodeSelectorTerms": [{"matchFields": [field]}]});
    let mut number = 0;
    wait(&format!("the scheduler to know of the cordon of {node}"), PATIENCE, || {
        number += 1;
        let name = format!("probe-{node}-{number}");
        let path = room.path("", &format!("pods/{name}"));
        room.pod_with(&name, |pod| {
            pod["spec"]["priorityClassName"] = json!(PROBE_PRIORITY);
            pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
                only_there.clone();
        });
        let tried = wait("the probe to be tried", PATIENCE, || {
            let pod = room.cluster().get(&path);
            (is_bound(&pod) || is_unschedulable(&pod)).then_some(pod)
        });
        let now = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0});
        let deleted = room.cluster().request(Method::DELETE, &path, Some(("application/json", &now)));
        assert!(deleted.is_ok(), "{deleted:?}");
        message(&tried).contains(&*fragment(&Miss::Cordoned)).then_some(())
    });
}

/// Not if it has changed.
fn delete_as_it_is(room: &Room<'_>, pod: &Value) -> bool {
    let metadata = &pod["metadata"];
    let unchanged = json!({"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]});
    let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "preconditions": unchanged});
    room.cluster().request(Method::DELETE, &path_of(pod), Some(("application/json", &options))).is_ok()
}

pub fn path_of(pod: &Value) -> String {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
    format!("/api/v1/namespaces/{}/pods/{}", text("namespace"), text("name"))
}

fn pods(room: &Room<'_>) -> Vec<Value> {
    let of = |namespace: &str| room.cluster().list(&format!("/api/v1/namespaces/{namespace}/pods"));
    let mut pods = of(room.namespace());
    pods.extend(of(&format!("{}-b", room.namespace())));
    pods
}

fn placed(pods: &[Value]) -> BTreeSet<(&str, &str)> {
    pods.iter().filter(|pod| is_bound(pod)).map(|pod| (uid(pod), node_of(pod))).collect()
}

pub fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

pub fn node_of(pod: &Value) -> &str {
    pod["spec"]["nodeName"].as_str().unwrap_or_default()
}

pub fn is_bound(pod: &Value) -> bool {
    !node_of(pod).is_empty()
}

pub fn workload_of(pod: &Value) -> String {
    let metadata = &pod["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text(&metadata["namespace"]), text(&metadata["labels"]["app"]))
}

fn name_of(object: &Value) -> String {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

fn scheduled(pod: &Value) -> Option<&Value> {
    let conditions = pod["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == "PodScheduled")
}

fn is_unschedulable(pod: &Value) -> bool {
    scheduled(pod).is_some_and(|it| it["status"] == "False" && it["reason"] == "Unschedulable")
}

/// The scheduler's, about a pod that it cannot place.
pub fn message(pod: &Value) -> &str {
    scheduled(pod).and_then(|it| it["message"].as_str()).unwrap_or_default()
}
