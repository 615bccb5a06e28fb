//! The witnesses of a rollback: the watcher, the audit log, and the comparison of two versions.

use ::testbed::{Watcher, foreign_unchanged, shared};
use serde_json::json;

use super::{FIRST, KINDS, SECOND, one_of_each};

#[test]
fn the_watcher_records_templates_and_revisions() {
    let room = shared().room(1);
    one_of_each(&room);
    let watcher = Watcher::start(shared(), &room);
    let first = KINDS.map(|kind| room.template(kind, &kind.to_lowercase()));
    let second = KINDS.map(|kind| {
        let name = kind.to_lowercase();
        room.update(kind, &name, SECOND, None);
        room.rolled_out(kind, &name);
        room.template(kind, &name)
    });
    let record = watcher.finish();
    for ((kind, first), second) in KINDS.into_iter().zip(&first).zip(&second) {
        let name = &kind.to_lowercase();
        let seen: Vec<_> = record.templates(kind, name).into_iter().map(|(_, template)| template).collect();
        assert_eq!(seen, [first, second], "{kind}");
        assert_eq!(record.unknown_templates(kind, name, &[first, second]), [""; 0], "{kind}");
        assert_eq!(record.unknown_templates(kind, name, &[first]).len(), 1, "{kind}");
        let (_, revision) = room.revisions(kind, name).remove(1);
        let keeper = if kind == "Deployment" { "ReplicaSet" } else { "ControllerRevision" };
        let of_it = revision["metadata"]["name"].as_str().unwrap();
        assert!(record.of(keeper, of_it).next().is_some(), "{keeper} {of_it}");
    }
}

#[test]
fn writes_of_one_client_in_one_room_are_distinguished_from_dry_runs_and_reads() {
    let room = shared().room(0);
    let other = shared().room(0);
    room.deployment("web", 1);
    other.deployment("web", 1);
    let mark = shared().audit_mark();
    let set = ["set", "image", "deployment/web", &format!("*={SECOND}"), "--dry-run=server"];
    room.kubectl(&set);
    room.kubectl(&["auth", "can-i", "patch", "deployments"]);
    other.kubectl(&set[..4]);
    let writes = room.writes(mark, "kubectl");
    assert!(writes.len() == 1 && writes[0].is_dry_run(), "{writes}");
    assert!(writes.to_string().contains(" dry run "), "{writes}");
    assert!(writes.changes().is_empty(), "{writes}");

    room.kubectl(&set[..4]);
    room.kubectl_apply(&json!({
        "apiVersion": "v1", "kind": "Event", "reason": "RolledBack",
        "metadata": {"name": "reported"},
        "involvedObject": {"kind": "Deployment", "namespace": room.namespace(), "name": "web"},
    }));
    let changes = room.writes(mark, "kubectl").changes();
    let seen: Vec<_> =
        changes.iter().map(|it| (it.verb.as_str(), it.resource.as_str(), it.name.as_str())).collect();
    assert_eq!(seen, [("patch", "deployments", "web"), ("create", "events", "reported")], "{changes}");
    // The bed's own client made the Deployment, and it is another one.
    assert!(room.writes(mark, "kubectl-rollback").is_empty());
}

#[test]
fn an_update_of_the_template_leaves_the_rest_of_a_workload_alone() {
    let room = shared().room(1);
    room.deployment("web", 1);
    let before = room.rolled_out("Deployment", "web");
    room.update("Deployment", "web", SECOND, None);
    let after = room.rolled_out("Deployment", "web");
    let number = "deployment.kubernetes.io/revision";
    assert_eq!(foreign_unchanged(&before, &after, &[number]), [""; 0]);
    assert_eq!(
        foreign_unchanged(&before, &after, &[]),
        ["/metadata/annotations/deployment.kubernetes.io~1revision"]
    );
}

#[test]
fn foreign_changes_are_found_wherever_they_are() {
    let before = json!({
        "metadata": {"generation": 1, "annotations": {"mine": "1"}, "labels": {"a": "b"}},
        "spec": {"replicas": 2, "template": {"image": FIRST}, "list": [1, {"x": 1}]},
        "status": {"replicas": 2},
    });
    let mut after = before.clone();
    after["metadata"]["generation"] = json!(2);
    after["metadata"]["resourceVersion"] = json!("9");
    after["spec"]["template"] = json!({"image": SECOND});
    after["status"] = json!({});
    assert_eq!(foreign_unchanged(&before, &after, &[]), [""; 0]);

    after["metadata"].as_object_mut().unwrap().remove("annotations");
    assert_eq!(foreign_unchanged(&before, &after, &["mine"]), [""; 0]);
    assert_eq!(foreign_unchanged(&before, &after, &[]), ["/metadata/annotations"]);
    after["metadata"]["annotations"] = json!({"mine": "2", "theirs/x~y": "new"});
    assert_eq!(foreign_unchanged(&before, &after, &["mine"]), ["/metadata/annotations"]);

    let before = json!({"metadata": {"annotations": {"kept": "1"}}, "spec": before["spec"]});
    let after = json!({
        "metadata": {"annotations": {"kept": "1", "theirs/x~y": "new"}},
        "spec": {"replicas": "2", "list": [1, {"x": 2}]},
    });
    let differing = foreign_unchanged(&before, &after, &[]);
    assert_eq!(differing, ["/metadata/annotations/theirs~1x~0y", "/spec/list/1/x", "/spec/replicas"]);
}
