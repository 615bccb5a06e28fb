//! The pods of a room, and when nothing more happens to them.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use testbed::{PATIENCE, Room, poll};

pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

pub fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

pub fn app(pod: &Value) -> &str {
    pod["metadata"]["labels"]["app"].as_str().unwrap_or_default()
}

pub fn node_of(pod: &Value) -> &str {
    pod["spec"]["nodeName"].as_str().unwrap_or_default()
}

pub fn is_terminating(pod: &Value) -> bool {
    !pod["metadata"]["deletionTimestamp"].is_null()
}

fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    pod["status"]["conditions"].as_array()?.iter().find(|it| it["type"] == kind)
}

pub fn is_ready(pod: &Value) -> bool {
    !is_terminating(pod) && condition(pod, "Ready").is_some_and(|it| it["status"] == "True")
}

pub fn is_waiting(pod: &Value) -> bool {
    node_of(pod).is_empty()
        && condition(pod, "PodScheduled").is_some_and(|it| it["reason"] == "Unschedulable")
}

/// The first toleration of the taint counts.
fn is_never_deleted(pod: &Value) -> bool {
    let mut tolerations = pod["spec"]["tolerations"].as_array().into_iter().flatten();
    let first = tolerations.find(|it| {
        let is_key = it["key"].is_null() || it["key"] == "node.kubernetes.io/unreachable";
        is_key && (it["effect"].is_null() || it["effect"] == "NoExecute")
    });
    first.is_some_and(|it| it["tolerationSeconds"].is_null())
}

/// Each pod runs, waits in vain for a node, or is on a lost node and stays there. `gone`: the Node objects of these are deleted.
pub fn is_quiet(pods: &[Value], lost: &[String], gone: bool) -> bool {
    pods.iter().all(|pod| {
        let is_lost = lost.iter().any(|node| node == node_of(pod));
        match () {
            () if is_lost && gone => false,
            () if is_lost => is_terminating(pod) || is_never_deleted(pod),
            () => is_ready(pod) || is_waiting(pod),
        }
    })
}

/// Each controller has as many pods as it wants, counting those that are being deleted where it counts them.
fn is_complete(room: &Room<'_>) -> bool {
    let all = |kind: &str| room.cluster().list(&room.path_of(kind, ""));
    let is_seen = |it: &Value| it["status"]["observedGeneration"] == it["metadata"]["generation"];
    let number = |it: &Value, at: &str| it.pointer(at).and_then(Value::as_u64).unwrap_or_default();
    all("Deployment")
        .iter()
        .all(|it| is_seen(it) && number(it, "/status/replicas") == number(it, "/spec/replicas"))
        && all("DaemonSet").iter().all(|it| {
            is_seen(it)
                && number(it, "/status/currentNumberScheduled")
                    == number(it, "/status/desiredNumberScheduled")
        })
        && all("PodDisruptionBudget").iter().all(is_seen)
}

/// Waits until nothing more happens; then those that wait for a node are made anew, which the scheduler tries at once, until none finds one.
/// `None`: it does not come to an end in time.
pub fn quiet(room: &Room<'_>, lost: &[String], gone: bool) -> Option<Vec<Value>> {
    let mut tried: BTreeSet<String> = BTreeSet::new();
    for _ in 0..4 {
        let pods = poll(PATIENCE, || {
            let pods = room.pods();
            let is_new = |pod: &Value| !tried.contains(uid(pod));
            let is_still_there = pods.iter().any(|pod| !is_new(pod));
            (!pods.is_empty() && !is_still_there && is_quiet(&pods, lost, gone) && is_complete(room))
                .then_some(pods)
        })?;
        let waiting: Vec<&Value> = pods.iter().filter(|pod| is_waiting(pod) && is_owned(pod)).collect();
        if waiting.is_empty() || !tried.is_empty() {
            return Some(pods);
        }
        for pod in waiting {
            tried.insert(uid(pod).to_owned());
            delete(room, name(pod));
        }
    }
    None
}

fn is_owned(pod: &Value) -> bool {
    pod["metadata"]["ownerReferences"].is_array()
}

pub fn delete(room: &Room<'_>, pod: &str) {
    let _ = room.cluster().request(Method::DELETE, &room.path("", &format!("pods/{pod}")), None);
}

/// Through the Eviction API, or without it where a budget is in the way.
pub fn evict(room: &Room<'_>, pod: &str) {
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}});
    if room.cluster().try_create(&room.path("", &format!("pods/{pod}/eviction")), &eviction).is_err() {
        delete(room, pod);
    }
}

/// Budgets count the pods that are ready now.
pub fn budgets_are_current(room: &Room<'_>) -> bool {
    let pods = room.pods();
    let is_current = |budget: &Value| {
        let ready = pods.iter().filter(|pod| is_ready(pod) && app(pod) == name(budget)).count();
        budget["status"]["currentHealthy"].as_u64() == u64::try_from(ready).ok()
            && budget["status"]["disruptedPods"].as_object().is_none_or(serde_json::Map::is_empty)
    };
    room.cluster().list(&room.path_of("PodDisruptionBudget", "")).iter().all(is_current)
}
