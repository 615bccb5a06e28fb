//! What Kubernetes' own tests check of rollbacks (`test/cmd/apps.sh`, `test/e2e/apps`, `test/integration`, the controllers' unit tests),
//! run against the plugin. docs/dev/rollback-to-tests.md numbers the cases and names those covered by a twin test or a table test instead.

mod adoption;
mod daemonsets;
mod following;
mod numbers;
mod older;
mod partitions;
mod statefulsets;
mod walk;

use ::testbed::{PATIENCE, Room, wait};
use serde_json::{Value, json};

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

fn app(version: usize) -> String {
    format!("example.invalid/app:{version}")
}

/// A workload of each kind, rolled out, named as its kind in lower case; the StatefulSet one pod after the other.
#[track_caller]
fn one_of_each(room: &Room<'_>) {
    room.deployment("deployment", 2);
    room.ordered_statefulset("statefulset", 2);
    room.daemonset("daemonset");
    for kind in KINDS {
        room.rolled_out(kind, &kind.to_lowercase());
    }
}

/// An update that goes well, to its end.
#[track_caller]
fn updated(room: &Room<'_>, kind: &str, name: &str, version: usize) {
    room.update(kind, name, &app(version), None);
    room.rolled_out(kind, name);
}

/// The pods of a workload by name, without those that are on their way out.
fn pods(room: &Room<'_>, app: &str) -> Vec<Value> {
    let mut pods = room.pods();
    pods.retain(|pod| {
        pod["metadata"]["labels"]["app"] == *app && pod["metadata"]["deletionTimestamp"].is_null()
    });
    pods.sort_by_key(|pod| pod["metadata"]["name"].to_string());
    pods
}

fn image_of(pod: &Value) -> &str {
    pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default()
}

fn uid(pod: &Value) -> &str {
    pod["metadata"]["uid"].as_str().unwrap_or_default()
}

/// The images of a workload's pods, in the order of the pods' names.
fn images(room: &Room<'_>, app: &str) -> Vec<String> {
    pods(room, app).iter().map(|pod| image_of(pod).to_owned()).collect()
}

/// Waits until a pod with this image shows what is wrong with it.
#[track_caller]
fn broken(room: &Room<'_>, app: &str, image: &str) -> Value {
    wait(&format!("a broken pod of {app} with {image}"), PATIENCE, || {
        let is_broken = |pod: &Value| {
            let container = &pod["status"]["containerStatuses"][0];
            image_of(pod) == image && container.is_object() && container["ready"] != true
        };
        pods(room, app).into_iter().find(is_broken)
    })
}

/// The pod is not Ready from now on, until `well`.
#[track_caller]
pub fn unwell(room: &Room<'_>, pod: &str) {
    let path = room.path_of("Pod", pod);
    // First what its kubelet reads, or the pod would recover at once.
    room.cluster().merge(&path, &json!({"metadata": {"annotations": {"testbed/failure": "never-ready"}}}));
    let mut status = room.cluster().get(&path)["status"].take();
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        if condition["type"] == "Ready" {
            condition["status"] = json!("False");
        }
    }
    status["containerStatuses"][0]["ready"] = json!(false);
    room.cluster().merge_status(&path, &status);
}

pub fn well(room: &Room<'_>, pod: &str) {
    let path = room.path_of("Pod", pod);
    room.cluster().merge(&path, &json!({"metadata": {"annotations": {"testbed/failure": null}}}));
}
