//! What several workloads of one namespace share: watches, and the lists that the last look at them is taken from.

use std::collections::BTreeSet;

use ::testbed::shared;
use serde_json::{Value, json};

use super::updated;
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
