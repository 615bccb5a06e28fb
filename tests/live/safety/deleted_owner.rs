//! A controller that is being deleted, and that a finalizer keeps, makes no pods any more: those that it has are the last.

use ::testbed::{Room, shared};
use serde_json::{Value, json};

use super::{row, uids};
use crate::plugin::{drain, safe_drain, text};
use crate::tty::Tty;
use crate::untouched::untouched;

const FINALIZER: &str = "example.invalid/keep";

/// It is being deleted until this is dropped.
struct Held<'r> {
    room: &'r Room<'r>,
    path: String,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // A namespace that is deleted needs it as well.
        let _ = self.room.cluster().try_merge(&self.path, &json!({"metadata": {"finalizers": null}}));
    }
}

fn delete_and_hold<'r>(room: &'r Room<'r>, path: String) -> Held<'r> {
    room.cluster().merge(&path, &json!({"metadata": {"finalizers": [FINALIZER]}}));
    let held = Held { room, path };
    room.cluster().delete(&held.path);
    held
}

fn replica_set_of(room: &Room<'_>, app: &str) -> String {
    let path = room.path("apps", &format!("replicasets?labelSelector=app={app}"));
    let set = room.cluster().list(&path).remove(0);
    room.path_of("ReplicaSet", text(&set["metadata"], "name"))
}

fn of<'a>(pods: &'a [Value], app: &str) -> Vec<&'a Value> {
    pods.iter().filter(|pod| pod["metadata"]["labels"]["app"] == app).collect()
}

/// A Deployment that is being deleted is no obstacle: its ReplicaSet still makes pods.
#[test]
fn pods_of_a_replicaset_that_is_being_deleted_need_force() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    for app in ["last", "more"] {
        room.deployment(app, 1);
        room.ready(app, 1);
    }
    let set = replica_set_of(&room, "last");
    let _last = delete_and_hold(&room, set);
    let _more = delete_and_hold(&room, room.path_of("Deployment", "more"));
    let here = room.pods_on(node);
    let [last, more] = ["last", "more"].map(|app| uids(&[of(&here, app)[0].clone()]).remove(0));

    let refused = untouched(&room, &drain(&room, &[node]));
    refused.expect("refused", 3);
    assert_eq!(refused.findings().iter().filter(|id| *id == "orphaned-owner").count(), 1, "{refused}");
    let finding = refused.finding("orphaned-owner");
    assert!(text(&finding, "subject").contains("/last-"), "{finding:#}");
    assert!(
        text(&finding, "message").contains("is being deleted: the pod will not be recreated"),
        "{finding:#}"
    );
    let (last, more) = (row(&refused, &last), row(&refused, &more));
    assert!(last["placement"].is_null(), "{last:#}");
    assert_eq!(text(&last, "reason"), "controller is being deleted: will not be recreated");
    assert_eq!(text(&more["placement"], "verdict"), "fits", "{more:#}");
    let only = refused.finding("last-ready-replica");
    assert!(text(&only, "subject").contains("/more-"), "nothing comes after the other\n{only:#}");

    let (drained, _) = drain(&room, &[node, "--force"]).watched();
    drained.expect("drained", 0);
    let left = room.ready("more", 1);
    assert_eq!(of(&left, "more").len(), 1);
    assert!(of(&room.pods(), "last").is_empty(), "{drained}");
}

/// `--force` accepts it, but the question that was answered did not name it.
#[test]
fn a_replicaset_whose_deletion_begins_at_the_question_is_asked_about() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.deployment("web", 1);
    room.ready("web", 1);
    let set = replica_set_of(&room, "web");
    let mut tty = Tty::start(&safe_drain(&room, &[node, "--force"]), &[]);
    tty.until("[y/N]");
    let _held = delete_and_hold(&room, set);
    tty.keys("y\r").until("the plan changed").until("is being deleted: the pod will not be recreated");
    tty.until("1 pod that no controller recreates").keys("\r");
    assert_eq!(tty.end(), 3, "{}", tty.text());
    assert_eq!(room.pods_on(node).len(), 1, "{}", tty.text());
}
