//! PersistentVolumes that are bound before the pods are made, and disks that a pod names itself.

use serde_json::{Value, json};

use super::Draw;
use crate::truth::case::{ROOM, node_name};
use crate::truth::feature::Feature;

pub const DRIVER: &str = "disks.example.com";

/// The claim and the volume that the workload uses from now on.
pub fn claimed(draw: &mut Draw, deployment: &mut Value, number: usize) -> Vec<Value> {
    let namespace = deployment["metadata"]["namespace"].clone();
    let spec = &mut deployment["spec"]["template"]["spec"];
    if draw.has(Feature::Disks, 40) {
        spec["volumes"] = json!([{"name": "disk", "gcePersistentDisk": {"pdName": "shared"}}]);
        return Vec::new();
    }
    // A claim that nobody made.
    if draw.has(Feature::Volumes, 5) {
        spec["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "missing"}}]);
        return Vec::new();
    }
    if !(draw.has(Feature::Volumes, 70) | draw.has(Feature::VolumeLimits, 60)) {
        return Vec::new();
    }
    let claim = format!("claim-{number}");
    let volume = format!("{ROOM}-pv-{number}");
    let mode = draw.random.pick(&["ReadWriteOnce", "ReadWriteOnce", "ReadWriteOncePod"]);
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
    match draw.random.between(1, 6) {
        1 | 2 => affinity(&mut pv, "topology.kubernetes.io/zone", &zone),
        3 | 4 => pv["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!(zone),
        5 => affinity(&mut pv, "kubernetes.io/hostname", &node_name(draw.random.between(0, draw.nodes - 1))),
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
    spec["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]);
    vec![pv, pvc]
}

fn affinity(volume: &mut Value, key: &str, value: &str) {
    let required = json!({"key": key, "operator": "In", "values": [value]});
    volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"] =
        json!([{"matchExpressions": [required]}]);
}
