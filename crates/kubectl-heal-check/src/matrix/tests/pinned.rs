//! Templates that name a node: no scheduler places their pods.

use super::lost_nodes::down;
use super::*;

/// Its pods that are on n1, of a template that names this node.
fn on_n1(world: World, of: &str) -> World {
    world.edit(of, json!({"spec": {"template": {"spec": {"nodeName": "n1"}}}}))
}

fn alone() -> World {
    healthy().without("Pod/web-b").without("Pod/web-c")
}

#[test]
fn a_template_that_names_a_node_makes_its_pods_there() {
    const WEB: &str = "deployment/web";
    let web = || on_n1(alone(), "Deployment/web");
    let silent = || down(web().edit("Pod/web-a", not_ready()), "n1");
    let gone = || web().without("Node/n1");
    let full = json!({"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "8"}}}]}});
    all_of(&[
        ("its node is lost or drained", web(), WEB, "heals heals wont wont wont"),
        ("its node is silent", silent(), WEB, "unknown wont wont wont wont"),
        ("its node is gone", gone(), WEB, "heals wont wont unknown unknown"),
        (
            "its node is cordoned",
            web().edit("Node/n1", json!({"spec": {"unschedulable": true}})),
            WEB,
            "heals heals wont wont wont",
        ),
        ("its node is full", web().edit("Pod/web-a", full), WEB, "heals heals wont wont wont"),
        // Of another template: the next one is made on n1.
        ("on other nodes too", on_n1(healthy(), "Deployment/web"), WEB, "heals unknown wont wont wont"),
        (
            "on another node",
            on_n1(healthy().without("Pod/web-a"), "Deployment/web"),
            WEB,
            "heals unknown unknown unknown unknown",
        ),
    ]);
    let matrix = matrix_of(&web(), WEB);
    let node_loss = &matrix.node_loss.reason;
    assert!(
        node_loss
            .starts_with("no other node takes the replacement of web-a: its template names node n1; 0 of 1"),
        "{node_loss}"
    );
    assert_eq!(
        matrix.drain.reason,
        "no other node takes the replacement of web-a: its template names node n1"
    );
    let pod_loss = matrix_of(&silent(), WEB).pod_loss.reason;
    assert_eq!(pod_loss, "its template names node n1, which is not Ready");
}

/// It waits for no other pod of the cluster, and takes the room of none.
#[test]
fn its_replacement_takes_no_room_elsewhere() {
    let mut other = pod("api-a", "api", "n1");
    other["metadata"]["ownerReferences"] = json!([owner("apps/v1", "Deployment", "api")]);
    // Of the two on n1 one has room on n2.
    let world = with_cpu(alone().without("Node/n3").with(deployment("api", 1)).with(other), "5");
    let world = world.edit("Node/n1", json!({"status": {"allocatable": {"cpu": "16"}}}));
    assert_eq!(verdicts(&world, "deployment/api"), "heals heals unknown unknown unknown");
    assert_eq!(verdicts(&on_n1(world, "Deployment/web"), "deployment/api"), "heals heals slow slow heals");
}
