//! What tests of rollbacks rely on in the bed: rollouts and revisions, failures of pods, admission, and the judge.

mod admission;
mod failures;
mod judge;
mod kinds;

use ::testbed::{PATIENCE, Room, shared, template_in, wait};
use serde_json::{Value, json};

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

const FIRST: &str = "example.invalid/app:1";
const SECOND: &str = "example.invalid/app:2";

/// A workload of each kind, rolled out; the StatefulSet one pod after the other.
fn one_of_each(room: &Room<'_>) {
    room.deployment("deployment", 2);
    room.ordered_statefulset("statefulset", 2);
    room.daemonset("daemonset");
    for kind in KINDS {
        room.rolled_out(kind, &kind.to_lowercase());
    }
}

#[test]
fn an_update_and_its_undoing_make_revisions() {
    let room = shared().room(1);
    one_of_each(&room);
    for kind in KINDS {
        let name = &kind.to_lowercase();
        let generation = room.update(kind, name, SECOND, None);
        assert_eq!(generation, 2, "{kind}");
        assert_eq!(room.observed(kind, name).0, 2, "{kind}");
        room.rolled_out(kind, name);
        assert_eq!(room.images(kind, name), [(1, FIRST.to_owned()), (2, SECOND.to_owned())], "{kind}");

        room.update(kind, name, FIRST, None);
        let (number, revision) = room.observed(kind, name);
        assert_eq!((number, template_in(&revision)), (3, room.template(kind, name)), "{kind}");
        room.rolled_out(kind, name);
        assert_eq!(room.images(kind, name), [(2, SECOND.to_owned()), (3, FIRST.to_owned())], "{kind}");
        assert_eq!(room.image(kind, name), FIRST, "{kind}");
    }
}

#[test]
fn a_rollout_that_is_stuck_is_not_complete_until_its_failure_goes() {
    let room = shared().room(1);
    room.deployment("deployment", 2);
    room.statefulset("statefulset", 2);
    room.daemonset("daemonset");
    for kind in KINDS {
        let name = &kind.to_lowercase();
        room.rolled_out(kind, name);
        room.update(kind, name, SECOND, Some("crash-loop"));
        room.observed(kind, name);
        wait("a pod of the update to crash", PATIENCE, || {
            pods(&room, name, SECOND).pop().filter(has_crashed)
        });
        assert!(!room.is_rolled_out(kind, name), "{kind}: {:#}", room.workload(kind, name)["status"]);
    }
    for kind in KINDS {
        let name = &kind.to_lowercase();
        room.update(kind, name, FIRST, None);
        room.rolled_out(kind, name);
        // Exactly the first template: not one with an empty annotation more.
        assert_eq!(room.images(kind, name), [(2, SECOND.to_owned()), (3, FIRST.to_owned())], "{kind}");
    }
}

#[test]
fn an_ordered_statefulset_keeps_a_broken_pod_after_its_template_was_fixed() {
    let room = shared().room(1);
    room.ordered_statefulset("db", 2);
    room.rolled_out("StatefulSet", "db");
    room.update("StatefulSet", "db", SECOND, Some("never-ready"));
    let is_running = |pod: &Value| pod["status"]["phase"] == "Running";
    let broken =
        wait("a broken pod", PATIENCE, || pods(&room, "db", SECOND).pop().filter(|pod| is_running(pod)));
    room.update("StatefulSet", "db", FIRST, None);

    // The controller writes its status after it has done what it would do about the pods.
    room.observed("StatefulSet", "db");
    let path = room.path_of("Pod", "db-1");
    let kept = room.cluster().get(&path);
    assert_eq!(kept["metadata"]["uid"], broken["metadata"]["uid"]);
    assert!(kept["metadata"]["deletionTimestamp"].is_null());
    assert!(!room.is_rolled_out("StatefulSet", "db"));

    room.cluster().delete(&path);
    room.rolled_out("StatefulSet", "db");
}

#[test]
fn a_partition_counts_as_rolled_out() {
    let room = shared().room(1);
    room.statefulset_with("db", 3, |db| {
        db["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}});
    });
    room.rolled_out("StatefulSet", "db");
    room.update("StatefulSet", "db", SECOND, None);
    room.rolled_out("StatefulSet", "db");
    assert_eq!((pods(&room, "db", FIRST).len(), pods(&room, "db", SECOND).len()), (2, 1));
}

#[test]
fn kubectl_and_other_managers_edit_as_themselves() {
    let room = shared().room(1);
    let manifest = room.manifest("Deployment", "web", |web| web["spec"]["replicas"] = json!(1));
    room.kubectl_apply(&manifest);
    room.rolled_out("Deployment", "web");
    room.set_image("Deployment", "web", SECOND);
    let web = room.workload("Deployment", "web");
    let notes = &web["metadata"]["annotations"];
    let text = |key: &str| notes[key].as_str().unwrap_or_default().to_owned();
    assert!(text("kubernetes.io/change-cause").contains("set image Deployment/web"), "{notes:#}");
    assert!(text("kubectl.kubernetes.io/last-applied-configuration").contains(FIRST), "{notes:#}");
    assert_eq!(room.image("Deployment", "web"), SECOND);

    let conflict = room.apply_as("helm", &manifest, false).unwrap_err();
    assert!(conflict.code == 409 && conflict.message.contains("kubectl-set"), "{conflict}");
    room.apply_as("helm", &manifest, true).unwrap();
    room.set_template_as("argocd-controller", "Deployment", "web", |template| {
        template["spec"]["containers"][0]["env"] = json!([{"name": "MODE", "value": "fast"}]);
    });
    assert!(room.workload("Deployment", "web").to_string().contains("\"argocd-controller\""));
    let removed = room.set_template("Deployment", "web", |template| {
        template["spec"]["containers"][0].as_object_mut().unwrap().remove("env");
        template["spec"]["terminationGracePeriodSeconds"] = json!(5);
    });
    let web = room.workload("Deployment", "web");
    assert_eq!(web["metadata"]["generation"], removed);
    assert!(web.pointer("/spec/template/spec/containers/0/env").is_none());
    let managers = web["metadata"]["managedFields"].to_string();
    for manager in ["kubectl-client-side-apply", "helm", "testbed-user"] {
        assert!(managers.contains(&format!("\"{manager}\"")), "{manager}: {managers}");
    }
}

#[test]
fn moments_lie_between_revisions() {
    let room = shared().room(1);
    room.deployment("web", 1);
    room.rolled_out("Deployment", "web");
    let moment = room.moment("Deployment", "web");
    room.update("Deployment", "web", SECOND, None);
    room.rolled_out("Deployment", "web");
    room.tick("Deployment", "web");
    room.update("Deployment", "web", "example.invalid/app:3", None);
    room.observed("Deployment", "web");

    let made: Vec<String> = room
        .revisions("Deployment", "web")
        .iter()
        .map(|(_, it)| it["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned())
        .collect();
    // All in UTC and of one form, so they sort as text.
    assert!(made[0] < moment && moment < made[1] && made[1] < made[2], "{moment} in {made:?}");
}

/// The pods of a workload that have this image, none of them on its way out.
fn pods(room: &Room<'_>, app: &str, image: &str) -> Vec<Value> {
    let is_it = |pod: &Value| {
        pod["metadata"]["labels"]["app"] == *app
            && pod["spec"]["containers"][0]["image"] == *image
            && pod["metadata"]["deletionTimestamp"].is_null()
    };
    room.pods().into_iter().filter(is_it).collect()
}

fn has_crashed(pod: &Value) -> bool {
    pod["status"]["containerStatuses"][0]["restartCount"].as_u64() >= Some(1)
}
