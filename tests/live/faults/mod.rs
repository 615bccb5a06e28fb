//! Drains that something goes wrong with half-way.

mod apiserver;
pub mod fake;
pub mod few_files;

mod interrupts;
mod late;
mod leaving;
mod nodes;
mod rights;
mod unread;
mod webhooks;

use ::testbed::{PATIENCE, Room, annotate, wait};
use serde_json::{Value, json};

use crate::plugin::text;

/// A Deployment of `app` with `here` pods on the room's first node, each of which takes `stop` to end.
pub fn slow(room: &Room<'_>, app: &str, here: usize, stop: &str) {
    let replicas = here * room.nodes().len();
    room.deployment_with(app, replicas, |object| annotate(object, "testbed/delete-after", stop));
    room.ready(app, replicas);
}

/// A Deployment whose pods never end by themselves, for a run that is stopped while they are stopping.
pub fn endless(room: &Room<'_>, app: &str, here: usize) {
    let replicas = here * room.nodes().len();
    room.deployment_with(app, replicas, |object| {
        annotate(object, "testbed/delete-after", "3600s");
        object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(3600);
    });
    room.ready(app, replicas);
}

/// Ends the pods of `app` on that node, as a kubelet would.
pub fn end_on(room: &Room<'_>, node: &str, app: &str) {
    for pod in room.pods_on(node).iter().filter(|pod| pod["metadata"]["labels"]["app"] == *app) {
        let path = room.path("", &format!("pods/{}?gracePeriodSeconds=0", text(&pod["metadata"], "name")));
        let _ = room.cluster().try_delete(&path);
    }
}

/// Ends what `endless` left behind.
pub fn end_all_on(room: &Room<'_>, node: &str) {
    for pod in room.pods_on(node) {
        end_on(room, node, text(&pod["metadata"]["labels"], "app"));
    }
    wait("the node to be empty", PATIENCE, || room.pods_on(node).is_empty().then_some(()));
}

pub fn terminating(room: &Room<'_>, node: &str) -> usize {
    let is_terminating = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_string();
    room.pods_on(node).iter().filter(is_terminating).count()
}

pub fn node_path(node: &str) -> String {
    format!("/api/v1/nodes/{node}")
}
