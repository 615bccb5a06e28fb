//! A node's own credentials: kubernetes/kubernetes#131241.

use std::path::{Path, PathBuf};

use ::testbed::shared;

use crate::faults::slow;
use crate::plugin::drain;

/// A kubeconfig of this node's, in `folder`: $KUBECONFIG is a list, divided by the colons of such a user's name.
fn login(node: &str, folder: &Path) -> PathBuf {
    let config = shared().user(&format!("system:node:{node}"), &["system:nodes"], &[]);
    let named = folder.join("config");
    std::fs::copy(config, &named).unwrap();
    named
}

#[test]
fn a_node_may_drain_itself_and_no_other() {
    let room = shared().room(2);
    slow(&room, "web", 2, "1s");
    let [own, other] = room.nodes() else { panic!("{:?}", room.nodes()) };
    let folder = tempfile::tempdir().unwrap();
    let config = login(own, folder.path());
    let refused = drain(&room, &[other]).kubeconfig(&config).run();
    refused.expect("refused", 3);
    assert!(refused.err.contains("you have no right to "), "{refused}");
    let (outcome, _) = drain(&room, &[own]).kubeconfig(&config).watched();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 2, "{outcome}");
    // It may not read budgets: that is unknown, and the server keeps them all the same.
    assert_eq!(outcome.finding("budgets-not-checked")["severity"], "unknown", "{outcome}");
}

/// With a selector each pod that leaves it is read once more by name, and of a pod that is gone a node is answered 403, not 404.
#[test]
fn a_pod_that_is_gone_and_may_not_be_read_is_gone() {
    let room = shared().room(1);
    slow(&room, "web", 2, "1s");
    let own = &room.nodes()[0];
    let folder = tempfile::tempdir().unwrap();
    let config = login(own, folder.path());
    let (outcome, _) = drain(&room, &[own, "--pod-selector=app=web"]).kubeconfig(&config).watched();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 2, "{outcome}");
}
