//! Nodes, their taints, and what tolerates them.

use serde_json::{Value, json};

use super::Draw;
use crate::truth::feature::Feature;

const VALUES: [&str; 2] = ["a", "b"];

/// A merge patch. The taints come on top of those that the node has.
pub fn node(draw: &mut Draw, index: usize) -> Value {
    // Nodes spread over all zones, so that none is empty.
    let number = if index < draw.zones { index + 1 } else { draw.random.between(1, draw.zones) };
    let mut labels =
        json!({"topology.kubernetes.io/zone": super::zone(number), "ROOM/zone": super::zone(number)});
    if draw.has(Feature::Spread, 6) | draw.has(Feature::PodAffinity, 6) {
        labels = json!({"topology.kubernetes.io/zone": null});
    }
    labels["ROOM/host"] = json!(index.to_string());
    for (key, values, percent) in
        [("disk", ["ssd", "hdd"], 75), ("cores", ["4", "16"], 75), ("pool", VALUES, 50)]
    {
        if draw.has(Feature::NodeAffinity, percent) {
            labels[key] = json!(draw.random.pick(&values));
        }
    }
    let mut node =
        json!({"metadata": {"labels": labels}, "spec": {}, "status": {"allocatable": allocatable(draw)}});
    let mut taints = Vec::new();
    for key in ["dedicated", "gpu"] {
        let percent = if key == "gpu" { 6 } else { 18 };
        if draw.has(Feature::Taints, percent) {
            let effect = draw.random.pick(&["NoSchedule", "NoSchedule", "NoExecute", "PreferNoSchedule"]);
            taints.push(json!({"key": key, "value": draw.random.pick(&VALUES), "effect": effect}));
        }
    }
    node["spec"]["taints"] = json!(taints);
    let features: Vec<&str> =
        [("ExtendWebSocketsToKubelet", 30), ("RestartAllContainersOnContainerExits", 45)]
            .into_iter()
            .filter(|(_, percent)| draw.has(Feature::KubeletFeatures, *percent))
            .map(|(feature, _)| feature)
            .collect();
    if !features.is_empty() {
        node["status"]["declaredFeatures"] = json!(features);
    }
    if draw.random.percent(4) {
        node["spec"]["unschedulable"] = json!(true);
    }
    if draw.has(Feature::VolumeLimits, 95) {
        node["volumeLimit"] = json!(draw.random.pick(&[1, 1, 1, 2]));
    }
    node
}

fn allocatable(draw: &mut Draw) -> Value {
    if !draw.features.has(Feature::Resources) {
        return json!({"cpu": "32", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "110"});
    }
    let mut amounts = json!({
        "cpu": draw.random.pick(&["2", "4", "8", "8"]),
        "memory": draw.random.pick(&["4Gi", "8Gi", "8Gi"]),
        "ephemeral-storage": draw.random.pick(&["4Gi", "20Gi"]),
        "pods": draw.random.pick(&["4", "8", "16"]),
    });
    let devices = draw.random.pick(&[0, 1, 2, 4]);
    if devices > 0 {
        amounts["example.com/device"] = json!(devices.to_string());
    }
    amounts
}

pub fn tolerate(draw: &mut Draw, spec: &mut Value) {
    let mut add = |toleration: Value| {
        if let Some(tolerations) = spec["tolerations"].as_array_mut() {
            tolerations.push(toleration);
        }
    };
    for key in ["dedicated", "gpu"] {
        if draw.has(Feature::Taints, 60) {
            let mut toleration = json!({"key": key});
            if draw.random.percent(60) {
                toleration["operator"] = json!("Exists");
            } else {
                toleration["value"] = json!(draw.random.pick(&VALUES));
            }
            if draw.random.percent(30) {
                toleration["effect"] = json!(draw.random.pick(&["NoSchedule", "NoExecute"]));
            }
            add(toleration);
        }
    }
    // The cordon, too.
    if draw.has(Feature::Taints, 4) {
        add(json!({"operator": "Exists"}));
    }
}
