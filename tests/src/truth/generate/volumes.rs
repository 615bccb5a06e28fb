//! PersistentVolumes that are bound before the pods are made, and disks that a pod names itself.

use serde_json::{Value, json};

use super::Draw;
use crate::truth::case::{ROOM, node_name};
use crate::truth::feature::Feature;

pub const DRIVER: &str = "disks.example.com";

/// The claims and the volumes that the workload uses from now on.
pub fn claimed(draw: &mut Draw, deployment: &mut Value, number: usize) -> Vec<Value> {
    let namespace = deployment["metadata"]["namespace"].clone();
    let spec = &mut deployment["spec"]["template"]["spec"];
    if draw.has(Feature::Disks, 80) {
        spec["volumes"] = json!([disk(draw)]);
        // Two pods of one disk need a node each.
        if draw.random.percent(60) {
            deployment["spec"]["replicas"] = json!(1);
        }
        return Vec::new();
    }
    // A claim that nobody made.
    if draw.has(Feature::Volumes, 5) {
        spec["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "missing"}}]);
        return Vec::new();
    }
    if !(draw.has(Feature::Volumes, 70) | draw.has(Feature::VolumeLimits, 90)) {
        return Vec::new();
    }
    let mode = draw.random.pick(&["ReadWriteOnce", "ReadWriteOnce", "ReadWriteOncePod"]);
    let count = if draw.has(Feature::VolumeLimits, 35) { 2 } else { 1 };
    let claims: Vec<String> = (1..=count).map(|index| format!("claim-{number}-{index}")).collect();
    let mounted =
        claims.iter().map(|claim| json!({"name": claim, "persistentVolumeClaim": {"claimName": claim}}));
    spec["volumes"] = mounted.collect();
    // Of more pods only one could use it.
    if mode == "ReadWriteOncePod" && draw.random.percent(60) {
        deployment["spec"]["replicas"] = json!(1);
    }
    claims.iter().flat_map(|claim| claim_and_volume(draw, &namespace, claim, mode)).collect()
}

fn claim_and_volume(draw: &mut Draw, namespace: &Value, claim: &str, mode: &str) -> [Value; 2] {
    let volume = format!("{ROOM}-pv-{claim}");
    let common = json!({"accessModes": [mode], "storageClassName": ""});
    let mut pv = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume, "labels": {"room": ROOM}},
        "spec": common,
    });
    pv["spec"]["capacity"] = json!({"storage": "1Gi"});
    pv["spec"]["claimRef"] = json!({"namespace": namespace, "name": claim});
    pv["spec"]["csi"] = json!({"driver": DRIVER, "volumeHandle": volume});
    let zone = draw.zone();
    match draw.random.between(1, 8) {
        1 => affinity(&mut pv, "topology.kubernetes.io/zone", &zone),
        2..=6 => pv["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!(zone),
        7 => affinity(&mut pv, "kubernetes.io/hostname", &node_name(draw.random.between(0, draw.nodes - 1))),
        _ => {}
    }
    let mut pvc = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim, "namespace": namespace},
        "spec": common,
    });
    pvc["spec"]["volumeName"] = json!(volume);
    pvc["spec"]["resources"] = json!({"requests": {"storage": "1Gi"}});
    [pv, pvc]
}

/// One of the kinds that have one user on a node. Few names, so that workloads share some.
fn disk(draw: &mut Draw) -> Value {
    let name = draw.random.pick(&["shared", "shared", "other"]);
    let read_only = draw.random.percent(30);
    let mut disk = match draw.random.between(1, 4) {
        1 => json!({"awsElasticBlockStore": {"volumeID": name, "readOnly": read_only}}),
        2 => json!({"gcePersistentDisk": {"pdName": name, "readOnly": read_only}}),
        3 => {
            json!({"iscsi": {"targetPortal": "10.0.0.1", "iqn": format!("iqn.2001-04.com.example:{name}"), "lun": 0, "readOnly": read_only}})
        }
        _ => json!({"rbd": {"monitors": ["10.0.0.1"], "image": name, "readOnly": read_only}}),
    };
    disk["name"] = json!("disk");
    disk
}

fn affinity(volume: &mut Value, key: &str, value: &str) {
    let required = json!({"key": key, "operator": "In", "values": [value]});
    volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"] =
        json!([{"matchExpressions": [required]}]);
}
