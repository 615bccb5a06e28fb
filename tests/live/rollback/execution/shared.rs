//! What several workloads of one namespace share: watches, and the lists that the last look at them is taken from.

use std::collections::BTreeSet;

use ::testbed::{Cluster, Component, Options, shared};
use serde_json::{Value, json};

use super::{app, updated};
use crate::plugin::rollback;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn labelled(object: &mut Value) {
    object["metadata"]["labels"]["part-of"] = json!("shop");
}

/// A watch ends after a minute and is taken up where it was: that is the same one.
#[test]
fn each_kind_is_watched_once_however_many_workloads_there_are() {
    let room = shared().room(1);
    for name in NAMES {
        updated(&room, "Deployment", name, 1, None, labelled);
    }
    let mark = shared().audit_mark();
    let outcome = rollback(&room, &["-l", "part-of=shop", "--to-revision=1"]).run();
    outcome.expect("done", 0);
    let ours = shared().audit_since(mark).by_user_agent_prefix("kubectl-rollback-to");
    let here = ours.filter(|entry| entry.namespace == room.namespace());
    for resource in ["deployments", "replicasets", "pods"] {
        let watches = here.filter(|entry| entry.verb == "watch" && entry.resource == resource);
        let place = |uri: &str| {
            let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
            let same = query.split('&').filter(|pair| !pair.starts_with("resourceVersion="));
            format!("{path}?{}", same.collect::<Vec<_>>().join("&"))
        };
        let different: BTreeSet<String> = watches.iter().map(|entry| place(&entry.uri)).collect();
        assert_eq!(different.len(), 1, "{resource}: {different:?}\n{outcome}");
    }
}

/// The server's limit of streams on one connection: fewer than there are watches in the test below.
const STREAMS: usize = 14;

/// A watch by name for each workload, all on one connection, would leave no stream for the requests that end the run.
#[test]
fn watches_by_name_leave_room_for_requests() {
    let flag = format!("--http2-max-streams-per-connection={STREAMS}");
    let options = Options { flags: vec![(Component::Apiserver, flag)], ..Options::default() };
    let cluster = Cluster::start(&options).unwrap_or_else(|error| panic!("no cluster: {error}"));
    let room = cluster.room(1);
    let names: Vec<String> = (1..=STREAMS).map(|number| format!("web-{number}")).collect();
    for name in &names {
        room.deployment(name, 1);
    }
    for name in &names {
        room.observed("Deployment", name);
        room.update("Deployment", name, &app(2), None);
    }
    for name in &names {
        room.rolled_out("Deployment", name);
        room.observed("Deployment", name);
    }
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
    let mut by_name = rule("apps", &["deployments"], &["get", "list", "watch", "patch"]);
    by_name["resourceNames"] = json!(names);
    let made = [rule("apps", &["replicasets"], &["list", "watch"]), rule("", &["pods"], &["list", "watch"])];
    let user = cluster.user("by-name", &[], &[[by_name].as_slice(), &made].concat());
    let targets: Vec<String> = names.iter().map(|name| format!("deployment/{name}")).collect();
    let words: Vec<&str> =
        targets.iter().map(String::as_str).chain(["--to-revision=1", "--timeout=60s"]).collect();
    let mark = cluster.audit_mark();
    rollback(&room, &words).kubeconfig(&user).run().expect("done", 0);
    let ours = cluster.audit_since(mark).by_user_agent_prefix("kubectl-rollback-to");
    let watches =
        ours.filter(|entry| entry.verb == "watch" && entry.resource == "deployments" && entry.code == 200);
    let watched: BTreeSet<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| watches.iter().any(|entry| entry.uri.contains(&format!("metadata.name%3D{name}&"))))
        .collect();
    assert_eq!(watched.len(), STREAMS, "each is watched by its name: {watches}");
}
