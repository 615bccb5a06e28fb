//! Filters that look at the node and what it has left.

use serde_json::{Value, json};

use super::{decides, neighbour, node_path, other, rejection, remove_neighbour, room, workload};

#[test]
fn node_unschedulable() {
    let room = room(|node| node["spec"]["unschedulable"] = json!(true));
    workload(&room, |_| ());
    decides(&room, rejection("cordoned", "were unschedulable").remedy("if it was uncordoned"), || {
        room.cluster().merge(&node_path(other(&room)), &json!({"spec": {"unschedulable": null}}));
    });
}

#[test]
fn taint_toleration() {
    let room = room(|node| {
        let taints = node["spec"]["taints"].as_array_mut().unwrap();
        taints.push(json!({"key": "dedicated", "value": "db", "effect": "NoSchedule"}));
    });
    workload(&room, |_| ());
    decides(&room, rejection("taint dedicated", "had untolerated taint"), || {
        let node = room.node(other(&room));
        let taints = node["spec"]["taints"].as_array().unwrap().iter();
        let left: Vec<&Value> = taints.filter(|taint| taint["key"] != "dedicated").collect();
        room.cluster().merge(&node_path(other(&room)), &json!({"spec": {"taints": left}}));
    });
}

#[test]
fn node_affinity() {
    let room = room(|node| node["metadata"]["labels"]["disk"] = json!("hdd"));
    workload(&room, |spec| {
        let no_hdd = json!({"key": "disk", "operator": "NotIn", "values": ["hdd"]});
        spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
            json!({"nodeSelectorTerms": [{"matchExpressions": [no_hdd]}]});
    });
    decides(&room, rejection("node affinity", "didn't match Pod's node affinity/selector"), || {
        room.cluster().merge(&node_path(other(&room)), &json!({"metadata": {"labels": {"disk": "ssd"}}}));
    });
}

#[test]
fn node_ports() {
    let room = room(|_| ());
    let port = json!([{"containerPort": 8080, "hostPort": 8080}]);
    neighbour(&room, "there", other(&room), |pod| pod["spec"]["containers"][0]["ports"] = port.clone());
    workload(&room, |spec| spec["containers"][0]["ports"] = port.clone());
    decides(
        &room,
        rejection("host port 8080 in use", "1 node(s) didn't have free ports for the requested pod ports"),
        || {
            remove_neighbour(&room, "there");
        },
    );
}

#[test]
fn node_resources_fit() {
    let room = room(|_| ());
    let requests = |cpu: &str| json!({"requests": {"cpu": cpu}});
    neighbour(&room, "there", other(&room), |pod| {
        pod["spec"]["containers"][0]["resources"] = requests("31500m")
    });
    workload(&room, |spec| spec["containers"][0]["resources"] = requests("750m"));
    let rejected = rejection("cpu short by 250m", "1 Insufficient cpu");
    let rejected = rejected.remedy("if it was not full (cpu short by 250m)");
    decides(&room, rejected, || remove_neighbour(&room, "there"));
}

#[test]
fn node_declared_features() {
    const FEATURE: &str = "RestartAllContainersOnContainerExits";
    let room = ::testbed::shared().room_with(2, |index, node| {
        if index == 0 {
            node["status"]["declaredFeatures"] = json!([FEATURE]);
        }
    });
    workload(&room, |spec| {
        let on_exit = json!({"operator": "In", "values": [42]});
        spec["containers"][0]["restartPolicy"] = json!("Always");
        spec["containers"][0]["restartPolicyRules"] =
            json!([{"action": "RestartAllContainers", "exitCodes": on_exit}]);
    });
    let reason = format!("kubelet feature {FEATURE} not declared");
    decides(&room, rejection(&reason, "1 node(s) didn't match Pod's required features"), || {
        room.cluster().merge_status(&node_path(other(&room)), &json!({"declaredFeatures": [FEATURE]}));
    });
}
