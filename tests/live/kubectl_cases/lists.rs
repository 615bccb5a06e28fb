//! What is listed and how: cases 17, 31 and 34.

use ::testbed::fake::{Answer, Fake};
use ::testbed::shared;
use serde_json::json;

use super::uids;
use crate::plugin::drain;

/// Case 17. The server is a scripted one: a real one fails when it likes.
#[test]
fn a_pod_list_that_fails_is_the_end_before_anything_is_changed() {
    let fake = Fake::start();
    let allowed = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {}, "status": {"allowed": true}});
    fake.on("POST", "*/selfsubjectaccessreviews").answer(Answer::json(allowed));
    fake.on("GET", "/api/v1/nodes/n1").answer(Answer::json(
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "u1"}}),
    ));
    fake.on("GET", "/api/v1/pods").answer(Answer::status(500, "InternalError", "etcd has no leader"));
    let folder = tempfile::tempdir().unwrap();
    let room = shared().room(0);
    let outcome = drain(&room, &["n1"]).kubeconfig(&fake.kubeconfig(folder.path())).run();
    outcome.expect("failed", 1);
    assert!(outcome.err.contains("etcd has no leader"), "{outcome}");
    let changed: Vec<_> =
        fake.requests().into_iter().filter(|r| r.method != "GET" && !r.path.ends_with("reviews")).collect();
    assert_eq!(changed.len(), 0, "{changed:?}");
}

/// Case 31.
#[test]
fn a_pod_selector_leaves_the_others_alone() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.deployment("moves", 2);
    room.deployment("stays", 2);
    room.ready("moves", 2);
    let stays = room.ready("stays", 2);
    let (outcome, record) = drain(&room, &[node, "--pod-selector=app=moves"]).watched();
    outcome.expect("drained", 0);
    assert_eq!((outcome.count("gone"), outcome.count("kept")), (2, 2), "{outcome}");
    assert_eq!(uids(&room.ready("stays", 2)), uids(&stays));
    assert_eq!(record.deleted_uids().len(), 2);
}

/// Case 34.
#[test]
fn lists_come_in_pages_of_the_requested_size() {
    let room = shared().room(1);
    let node = room.nodes()[0].as_str();
    room.deployment("web", 3);
    room.ready("web", 3);
    let pages = |flags: &[&str]| -> Vec<String> {
        let (outcome, _, audit) =
            drain(&room, &[&[node, "--dry-run=client"], flags].concat()).watch().finish();
        assert_eq!(outcome.expect("planned", 0).count("planned"), 3, "{outcome}");
        audit
            .filter(|entry| entry.verb == "list" && entry.resource == "pods" && entry.namespace.is_empty())
            .iter()
            .map(|e| e.uri.clone())
            .collect()
    };
    let one = pages(&["--chunk-size=1"]);
    // The server does not check whether what comes after the third is on this node: then there is an empty page more.
    assert!([3, 4].contains(&one.len()) && one.iter().all(|uri| uri.contains("limit=1")), "{one:#?}");
    assert!(one[1..].iter().all(|uri| uri.contains("continue=")), "{one:#?}");
    let default = pages(&[]);
    assert!(default.len() == 1 && default[0].contains("limit=500"), "{default:#?}");
    let all = pages(&["--chunk-size=0"]);
    assert!(all.len() == 1 && !all[0].contains("limit="), "{all:#?}");
}
