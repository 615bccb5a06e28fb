//! Filters that look at volumes.

use ::testbed::{PATIENCE, Room, wait};
use serde_json::{Value, json};

use super::{decides, home, neighbour, node_path, other, rejection, remove_neighbour, room, workload};

const DRIVER: &str = "disks.example.com";
const ZONE: &str = "topology.kubernetes.io/zone";

#[test]
fn volume_restrictions() {
    let room = room(|_| ());
    let disk = json!([{"name": "disk", "gcePersistentDisk": {"pdName": "shared"}}]);
    neighbour(&room, "there", other(&room), |pod| pod["spec"]["volumes"] = disk.clone());
    workload(&room, |spec| spec["volumes"] = disk.clone());
    decides(&room, rejection("disk of volume disk in use", "1 node(s) had no available disk"), || {
        remove_neighbour(&room, "there");
    });
}

#[test]
fn node_volume_limits() {
    let room = room(|_| ());
    for node in [home(&room), other(&room)] {
        let driver = json!({"name": DRIVER, "nodeID": node, "allocatable": {"count": 1}});
        let owner = owned_by(&room.node(node), "Node");
        let csi_node =
            json!({"metadata": {"name": node, "ownerReferences": [owner]}, "spec": {"drivers": [driver]}});
        room.cluster().create("/apis/storage.k8s.io/v1/csinodes", &csi_node);
    }
    let (first, second) = (claimed(&room, "first", |_| ()), claimed(&room, "second", |_| ()));
    neighbour(&room, "there", other(&room), |pod| pod["spec"]["volumes"] = json!([first]));
    workload(&room, |spec| spec["volumes"] = json!([second]));
    let rejected = rejection(&format!("volume limit of {DRIVER}"), "1 node(s) exceed max volume count");
    let rejected = rejected.remedy(&format!("if it was not full (volume limit of {DRIVER})"));
    decides(&room, rejected, || {
        remove_neighbour(&room, "there");
    });
}

#[test]
fn volume_binding() {
    let room = ::testbed::shared().room_with(2, |index, node| {
        if index == 0 {
            node["metadata"]["labels"]["rack"] = json!("r1");
        }
    });
    let volume = claimed(&room, "data", |volume| {
        let in_rack = json!({"key": "rack", "operator": "In", "values": ["r1"]});
        volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"] =
            json!([{"matchExpressions": [in_rack]}]);
    });
    workload(&room, |spec| spec["volumes"] = json!([volume]));
    let reason = format!("node affinity of PV {}", volume_name(&room, "data"));
    decides(&room, rejection(&reason, "1 node(s) didn't match PersistentVolume's node affinity"), || {
        room.cluster().merge(&node_path(other(&room)), &json!({"metadata": {"labels": {"rack": "r1"}}}));
    });
}

#[test]
fn volume_zone() {
    let room = room(|_| ());
    let zone_of = |node: &str| room.node(node)["metadata"]["labels"][ZONE].as_str().unwrap().to_owned();
    let (here, there) = (zone_of(home(&room)), zone_of(other(&room)));
    let volume = claimed(&room, "data", |volume| volume["metadata"]["labels"][ZONE] = json!(here));
    workload(&room, |spec| spec["volumes"] = json!([volume]));
    let name = volume_name(&room, "data");
    decides(
        &room,
        rejection(&format!("zone of PV {name}"), "1 node(s) had no available volume zone"),
        || {
            // In two zones.
            let labels = json!({ZONE: format!("{here}__{there}")});
            room.cluster().merge(&volume_path(&name), &json!({"metadata": {"labels": labels}}));
        },
    );
}

fn volume_name(room: &Room<'_>, claim: &str) -> String {
    format!("{}-{claim}", room.namespace())
}

fn volume_path(name: &str) -> String {
    format!("/api/v1/persistentvolumes/{name}")
}

/// With this owner it goes when the room goes.
fn owned_by(owner: &Value, kind: &str) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]})
}

/// A claim with a volume that it is bound to, as a volume of a pod. `edit` changes the PersistentVolume.
fn claimed(room: &Room<'_>, claim: &str, edit: impl FnOnce(&mut Value)) -> Value {
    let cluster = room.cluster();
    let namespace = cluster.get(&format!("/api/v1/namespaces/{}", room.namespace()));
    let name = volume_name(room, claim);
    let common = json!({"accessModes": ["ReadWriteOnce"], "storageClassName": ""});
    let mut volume = json!({
        "metadata": {"name": name, "labels": {}, "ownerReferences": [owned_by(&namespace, "Namespace")]},
        "spec": common,
    });
    volume["spec"]["capacity"] = json!({"storage": "1Gi"});
    volume["spec"]["claimRef"] = json!({"namespace": room.namespace(), "name": claim});
    volume["spec"]["csi"] = json!({"driver": DRIVER, "volumeHandle": name});
    edit(&mut volume);
    cluster.create("/api/v1/persistentvolumes", &volume);
    let mut object = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim}, "spec": common});
    object["spec"]["volumeName"] = json!(name);
    object["spec"]["resources"] = json!({"requests": {"storage": "1Gi"}});
    room.apply(object);
    wait(&format!("claim {claim} to be bound"), PATIENCE, || {
        let claim = cluster.get(&room.path_of("PersistentVolumeClaim", claim));
        (claim["status"]["phase"] == "Bound").then_some(())
    });
    json!({"name": "data", "persistentVolumeClaim": {"claimName": claim}})
}
