//! A node's own credentials: kubernetes/kubernetes#131241.

use ::testbed::shared;

use crate::faults::slow;
use crate::plugin::drain;

#[test]
fn a_node_may_drain_itself_and_no_other() {
    let room = shared().room(2);
    slow(&room, "web", 2, "1s");
    let [own, other] = room.nodes() else { panic!("{:?}", room.nodes()) };
    let config = shared().user(&format!("system:node:{own}"), &["system:nodes"], &[]);
    // $KUBECONFIG is a list, divided by the colons of such a name.
    let folder = tempfile::tempdir().unwrap();
    let named = folder.path().join("config");
    std::fs::copy(config, &named).unwrap();
    let config = named;
    let refused = drain(&room, &[other]).kubeconfig(&config).run();
    refused.expect("refused", 3);
    assert!(refused.err.contains("you have no right to "), "{refused}");
    let (outcome, _) = drain(&room, &[own]).kubeconfig(&config).watched();
    outcome.expect("drained", 0);
    assert_eq!(outcome.count("gone"), 2, "{outcome}");
    // It may not read budgets: that is unknown, and the server keeps them all the same.
    assert_eq!(outcome.finding("budgets-not-checked")["severity"], "unknown", "{outcome}");
}
