//! The matrix of real workloads.

use ::testbed::{PATIENCE, shared, wait};
use serde_json::json;

use super::{leases, matrix_of, verdicts};
use crate::plugin::{heal_check, text};

const JSON: [&str; 2] = ["-o", "json"];

#[test]
fn a_deployment_on_several_nodes_heals() {
    leases();
    let room = shared().room(3);
    room.deployment("web", 3);
    room.budget("web", "web", json!({"maxUnavailable": 1}));
    room.ready("web", 3);
    room.budget_allows("web", 1);
    let outcome = heal_check(&room, &[&["deploy/web"], &JSON[..]].concat()).run();
    outcome.expect("ok", 0);
    let matrix = matrix_of(&outcome, "Deployment", "web");
    assert_eq!(verdicts(&outcome, "Deployment", "web"), "heals heals slow slow heals", "{outcome}");
    // 50 s until it is noticed, 300 s of tolerations, and a start-up that kwok makes short.
    let eta = matrix["nodeLoss"]["etaSeconds"].as_i64().unwrap();
    assert!((350..400).contains(&eta), "{outcome}");
}

#[test]
fn a_pod_without_a_place_elsewhere_does_not_heal() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let outcome = heal_check(&room, &[&["deploy/web"], &JSON[..]].concat()).run();
    // Whether there is another zone depends on the nodes of other rooms.
    let found = verdicts(&outcome, "Deployment", "web");
    assert!(found.starts_with("heals heals wont ") && found.ends_with(" wont"), "{outcome}");
    // Once there is a node that takes it, it does: nothing else has changed.
    room.spare_node();
    let outcome = heal_check(&room, &[&["deploy/web"], &JSON[..]].concat()).run();
    let verdicts = verdicts(&outcome, "Deployment", "web");
    assert!(verdicts.starts_with("heals heals slow ") && verdicts.ends_with(" heals"), "{outcome}");
}

#[test]
fn a_node_that_was_away_for_a_moment_makes_no_start_slower() {
    leases();
    let room = shared().room(1);
    room.deployment("web", 1);
    room.ready("web", 1);
    let pod_loss = || {
        let outcome = heal_check(&room, &[&["deploy/web"], &JSON[..]].concat()).run();
        matrix_of(&outcome, "Deployment", "web")["podLoss"].take()
    };
    let before = pod_loss();
    assert!(text(&before, "reason").contains("start-up"), "{before}");
    let node = &room.nodes()[0];
    room.node_silent(node);
    // Only until kwok makes it Ready again, if it has not noticed yet that the node is silent.
    wait("the node controller to set Ready to False", PATIENCE, || {
        let pod = room.pods().pop()?;
        let conditions = pod["status"]["conditions"].as_array()?;
        let changed =
            |kind: &str| conditions.iter().find(|it| it["type"] == kind).map(|it| &it["lastTransitionTime"]);
        (changed("Ready") != changed("ContainersReady")).then_some(())
    });
    room.node_ready(node);
    room.ready("web", 1);
    // Its taints go a moment later.
    wait("the taints of a lost node to go", PATIENCE, || {
        let node = room.node(node);
        let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
        (!taints.any(|it| text(it, "key").starts_with("node.kubernetes.io/"))).then_some(())
    });
    assert_eq!(pod_loss(), before);
}

#[test]
fn kinds_that_heal_otherwise() {
    leases();
    let room = shared().room(2);
    room.statefulset("db", 2);
    room.daemonset("agent");
    room.pod("tool");
    for (app, pods) in [("db", 2), ("agent", 2), ("tool", 1)] {
        room.ready(app, pods);
    }
    let outcome = heal_check(&room, &JSON).run();
    assert_eq!(verdicts(&outcome, "DaemonSet", "agent"), "heals heals none none none", "{outcome}");
    assert_eq!(verdicts(&outcome, "Pod", "tool"), "heals wont wont wont wont", "{outcome}");
    assert!(verdicts(&outcome, "StatefulSet", "db").starts_with("heals heals wont wont"), "{outcome}");
}
