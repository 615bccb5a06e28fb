//! From the plan to the end of a rollout: the guarded write, what is watched and reported, and the restore.

mod apiserver;
mod connection;
mod consent;
mod deletion;
mod failures;
mod guard;
mod leaving;
mod others;
mod pause;
mod race;
mod restore;
mod several;
mod shared;
mod signals;
mod stalls;
mod strategies;
mod stuck;
mod untouched;

use ::testbed::{PATIENCE, Room, annotate, wait};
use serde_json::{Value, json};

use crate::plugin::{Outcome, Running, text};

/// Annotations that the server and the controllers count with: of a Deployment its revision, of a DaemonSet its generation.
const COUNTED: [&str; 2] = ["deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation"];
const HOLD: &str = "never-ready";
pub const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// Of the revision with this number, in every test here.
pub fn app(revision: u32) -> String {
    format!("example.invalid/app:{revision}")
}

/// As a user types it: `deployment/web`
pub fn typed(kind: &str, name: &str) -> String {
    format!("{}/{name}", kind.to_lowercase())
}

/// A workload of any kind on its first revision; `failure` is how its pods fail.
#[track_caller]
pub fn made(
    room: &Room<'_>,
    kind: &str,
    name: &str,
    replicas: usize,
    failure: Option<&str>,
    edit: impl FnOnce(&mut Value),
) {
    let edit = |object: &mut Value| {
        if let Some(failure) = failure {
            annotate(object, "testbed/failure", failure);
        }
        edit(object);
    };
    match kind {
        "Deployment" => room.deployment_with(name, replicas, edit),
        "StatefulSet" => room.statefulset_with(name, replicas, edit),
        _ => room.daemonset_with(name, edit),
    };
    match failure {
        None => drop(room.rolled_out(kind, name)),
        Some(_) => drop(room.observed(kind, name)),
    }
}

/// The same, and a second revision that is rolled out and well.
#[track_caller]
pub fn updated(
    room: &Room<'_>,
    kind: &str,
    name: &str,
    replicas: usize,
    first: Option<&str>,
    edit: impl FnOnce(&mut Value),
) {
    made(room, kind, name, replicas, first, edit);
    room.update(kind, name, &app(2), None);
    room.rolled_out(kind, name);
    room.observed(kind, name);
}

/// The same, but pods of the first revision become Ready only after `release`, so that a test can act before.
#[track_caller]
pub fn updated_with_unready_pods(
    room: &Room<'_>,
    kind: &str,
    name: &str,
    replicas: usize,
    edit: impl FnOnce(&mut Value),
) {
    updated(room, kind, name, replicas, Some(HOLD), edit);
}

/// Those that run now. One that only starts may be started by what was known of it before, and cease to be Ready once more.
pub fn release(room: &Room<'_>) {
    let free = json!({"metadata": {"annotations": {"testbed/failure": null}}});
    let waits_for_release = |pod: &&Value| {
        pod["metadata"]["annotations"]["testbed/failure"] == HOLD && pod["status"]["phase"] == "Running"
    };
    for pod in room.pods().iter().filter(waits_for_release) {
        // It may have gone meanwhile.
        let _ = room.cluster().try_merge(&room.path_of("Pod", text(&pod["metadata"], "name")), &free);
    }
}

/// All that come, until the run is over.
#[track_caller]
pub fn released(room: &Room<'_>, run: Running) -> Outcome {
    wait("the run to end", PATIENCE, || {
        release(room);
        run.is_over().then_some(())
    });
    run.finish()
}

/// The pods of the room that were made from this image and are not on their way out.
pub fn pods_with(room: &Room<'_>, image: &str) -> Vec<Value> {
    let mut pods = room.pods();
    pods.retain(|pod| {
        pod["spec"]["containers"][0]["image"] == *image && pod["metadata"]["deletionTimestamp"].is_null()
    });
    pods
}

/// The report's entry for a workload.
#[track_caller]
pub fn reported(outcome: &Outcome, name: &str) -> Value {
    let report = outcome.report();
    let found = report["workloads"].as_array().into_iter().flatten().find(|w| w["name"] == *name).cloned();
    found.unwrap_or_else(|| panic!("nothing of {name}\n{outcome}"))
}

#[track_caller]
pub fn cause(outcome: &Outcome, name: &str) -> String {
    text(&reported(outcome, name), "cause").to_owned()
}

/// The command in a text that begins like this, up to its end or a semicolon, without `kubectl rollback-to`.
#[track_caller]
pub fn command_in(says: &str) -> Vec<&str> {
    let (_, rest) =
        says.split_once("kubectl rollback-to ").unwrap_or_else(|| panic!("no command in {says:?}"));
    rest.split([';', '\n']).next().unwrap_or_default().split_whitespace().collect()
}

/// One pod more than `replicas` may be created, never one less may be available.
pub fn surge_only(object: &mut Value) {
    object["spec"]["strategy"]["rollingUpdate"] = json!({"maxSurge": 1, "maxUnavailable": 0});
}
