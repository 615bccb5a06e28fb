//! Each filter of the scheduler alone: it keeps a pod from the only other node, and after one small change it does not. Before either drain the
//! plan has to say so, and the real scheduler has to agree. Random clusters in which all filters meet are in `truth`.

mod nodes;
mod pods;
mod volumes;

use ::testbed::{PATIENCE, Room, poll, shared, wait};
use http::Method;
use serde_json::{Value, json};

use crate::plugin::{Outcome, drain, text};

/// The workload that is drained: one pod.
const APP: &str = "web";

/// Two nodes: the pod runs on the first. `edit` changes the other one before it is made.
fn room(edit: impl Fn(&mut Value)) -> Room<'static> {
    shared().room_with(2, |index, node| {
        if index == 1 {
            edit(node);
        }
    })
}

fn home<'a>(room: &'a Room<'_>) -> &'a str {
    &room.nodes()[0]
}

fn other<'a>(room: &'a Room<'_>) -> &'a str {
    &room.nodes()[1]
}

fn node_path(node: &str) -> String {
    format!("/api/v1/nodes/{node}")
}

/// A pod that is there on a node, whatever the scheduler would say; no drain of the first node evicts it.
fn neighbour(room: &Room<'_>, name: &str, node: &str, edit: impl FnOnce(&mut Value)) {
    room.pod_with(name, |pod| {
        // A static pod: the kubelet would run it again, and drains leave it alone.
        ::testbed::annotate(pod, "kubernetes.io/config.mirror", "by-hand");
        pod["spec"]["nodeName"] = json!(node);
        edit(pod);
    });
    room.ready(name, 1);
}

fn remove_neighbour(room: &Room<'_>, name: &str) {
    delete_at_once(room, name, &Value::Null);
    let path = room.path("", &format!("pods/{name}"));
    wait("the neighbour to be gone", PATIENCE, || room.cluster().try_get(&path).is_none().then_some(()));
}

/// `edit` changes the spec of the pod.
fn workload(room: &Room<'_>, edit: impl FnOnce(&mut Value)) {
    room.deployment_with(APP, 1, |deployment| {
        let spec = &mut deployment["spec"]["template"]["spec"];
        spec["topologySpreadConstraints"] = Value::Null;
        edit(spec);
    });
}

/// How one filter keeps the pod from the other node.
struct Rejection {
    /// The plan's reason. Nodes of other tests may have the same.
    reason: String,
    /// What would have to be different of the only node that nothing else keeps it from.
    remedy: String,
    /// A part of what the scheduler says.
    message: &'static str,
}

fn rejection(reason: &str, message: &'static str) -> Rejection {
    Rejection { reason: reason.to_owned(), remedy: format!("without this: {reason}"), message }
}

impl Rejection {
    fn remedy(self, remedy: &str) -> Self {
        Rejection { remedy: remedy.to_owned(), ..self }
    }
}

/// `change`: what lets the pod run on the other node.
#[track_caller]
fn decides(room: &Room<'_>, rejection: Rejection, change: impl FnOnce()) {
    let Rejection { reason, remedy, message } = rejection;
    runs_at_home(room);
    let (outcome, placement) = plan(room);
    assert_eq!((text(&placement, "verdict"), &placement["nodes"]), ("cannot", &json!(0)), "{outcome}");
    let reasons = placement["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str);
    assert!(reasons.into_iter().any(|it| it.ends_with(&format!(": {reason}"))), "no {reason:?}: {outcome}");
    let finding = outcome.finding("no-room");
    assert_eq!(
        text(&finding, "remedy"),
        format!("1 node would take it, {remedy}; or add a node that takes it"),
        "{outcome}"
    );
    finds_no_place(room, message);

    // Before the change, or it might be placed on the other node.
    runs_at_home(room);
    change();
    let (outcome, placement) = plan(room);
    assert_eq!((text(&placement, "verdict"), &placement["nodes"]), ("fits", &json!(1)), "{outcome}");
    drain(room, &[home(room)]).run().expect("drained", 0);
    let pod = room.ready(APP, 1).remove(0);
    assert_eq!(text(&pod["spec"], "nodeName"), other(room), "{pod:#}");
}

/// Also where the pod's replacement can run.
#[track_caller]
fn plan(room: &Room<'_>) -> (Outcome, Value) {
    let outcome = drain(room, &[home(room), "--dry-run"]).run();
    let is_it = |pod: &&Value| text(pod, "name").starts_with(APP);
    let placement = outcome.pods().iter().find(is_it).map(|pod| pod["placement"].clone());
    let Some(placement) = placement else { panic!("no pod of {APP}\n{outcome}") };
    (outcome, placement)
}

fn its_pods(room: &Room<'_>) -> Vec<Value> {
    room.cluster().list(&room.path("", &format!("pods?labelSelector=app={APP}")))
}

/// Waits until its one pod is Ready there. The scheduler hears of nodes, volumes and pods through separate watches: a pod that was placed
/// before it had heard of all that is placed again.
#[track_caller]
fn runs_at_home(room: &Room<'_>) {
    uncordon(room);
    wait("the pod to run on the first node", PATIENCE, || {
        let pod = room.ready(APP, 1).remove(0);
        let is_home = text(&pod["spec"], "nodeName") == home(room);
        if !is_home {
            delete_at_once(room, text(&pod["metadata"], "name"), &pod["metadata"]["uid"]);
        }
        is_home.then_some(())
    });
}

/// Drains the first node by hand: cordon and evictions. The scheduler leaves the replacement without a node, twice, the second time when the
/// old pod is gone. A pod that it placed before it had heard of the cordon is evicted again.
#[track_caller]
fn finds_no_place(room: &Room<'_>, message: &str) {
    room.cluster().merge(&node_path(home(room)), &json!({"spec": {"unschedulable": true}}));
    let mut rejected: Option<Value> = None;
    let mut seen = Vec::new();
    let reached = poll(PATIENCE, || {
        seen = its_pods(room);
        let [pod] = seen.as_slice() else { return None };
        let (name, uid) = (text(&pod["metadata"], "name"), &pod["metadata"]["uid"]);
        if pod["metadata"]["deletionTimestamp"].is_string() {
            return None;
        }
        if pod["spec"]["nodeName"].is_string() {
            rejected = None;
            let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
            // Refused or too late: it is still there at the next look, or it is not.
            let _ = room.cluster().try_create(&room.path("", &format!("pods/{name}/eviction")), &eviction);
            return None;
        }
        if !scheduler_says(pod)?.contains(message) {
            return None;
        }
        match &rejected {
            Some(first) if first != uid => return Some(()),
            Some(_) => {}
            None => {
                rejected = Some(uid.clone());
                delete_at_once(room, name, uid);
            }
        }
        None
    });
    assert!(reached.is_some(), "the scheduler does not say {message:?}:\n{seen:#?}");
}

/// What the scheduler says of a pod that it cannot place.
fn scheduler_says(pod: &Value) -> Option<&str> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let rejected = |it: &&Value| it["type"] == "PodScheduled" && it["reason"] == "Unschedulable";
    conditions.iter().find(rejected)?["message"].as_str()
}

fn uncordon(room: &Room<'_>) {
    room.cluster().merge(&node_path(home(room)), &json!({"spec": {"unschedulable": null}}));
}

/// Only if it is still the one with this UID, if there is one.
fn delete_at_once(room: &Room<'_>, name: &str, uid: &Value) {
    let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0});
    if uid.is_string() {
        options["preconditions"] = json!({"uid": uid});
    }
    // It may be gone already.
    let _ = room.cluster().request(
        Method::DELETE,
        &room.path("", &format!("pods/{name}")),
        Some(("application/json", &options)),
    );
}
