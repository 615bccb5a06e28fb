//! What depends on other pods: topology spread, pod affinity and anti-affinity, host ports.

use serde_json::{Value, json};

use super::Draw;
use crate::truth::case::ROOM;
use crate::truth::feature::Feature;

const KEYS: [&str; 2] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];
/// The same domains by labels that no node outside of the room has.
const OWN_KEYS: [&str; 2] = ["ROOM/host", "ROOM/zone"];

pub fn require(draw: &mut Draw, spec: &mut Value, own: &str) {
    let mut constraints = Vec::new();
    for percent in [95, 20] {
        if draw.has(Feature::Spread, percent) {
            constraints.push(spread(draw, own));
        }
    }
    // The API refuses two constraints with equal key and effect.
    constraints.dedup_by(|a, b| a["topologyKey"] == b["topologyKey"]);
    if !constraints.is_empty() {
        spec["topologySpreadConstraints"] = json!(constraints);
    }
    for (kind, percent) in [("podAffinity", 25), ("podAntiAffinity", 90)] {
        if draw.has(Feature::PodAffinity, percent) {
            let terms = vec![term(draw, own)];
            spec["affinity"][kind]["requiredDuringSchedulingIgnoredDuringExecution"] = json!(terms);
        }
    }
}

fn spread(draw: &mut Draw, own: &str) -> Value {
    let mut constraint = json!({
        "maxSkew": draw.random.pick(&[1, 1, 2]),
        "topologyKey": draw.random.pick(&KEYS),
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": selector(draw, own),
    });
    if draw.random.percent(25) {
        constraint["minDomains"] = json!(draw.random.between(1, 4));
    }
    if draw.random.percent(30) {
        constraint["nodeTaintsPolicy"] = json!(draw.random.pick(&["Honor", "Ignore"]));
    }
    if draw.random.percent(30) {
        constraint["nodeAffinityPolicy"] = json!("Ignore");
        // Nodes of other rooms count as well where they have the label.
        constraint["topologyKey"] = json!(draw.random.pick(&OWN_KEYS));
    }
    if draw.random.percent(20) {
        let key = draw.random.pick(&["pod-template-hash", "tier"]);
        // The API server adds the key to the selector, and refuses one that has it already.
        let is_selected = constraint["labelSelector"]["matchLabels"][key].is_string();
        constraint["matchLabelKeys"] = if is_selected { Value::Null } else { json!([key]) };
    }
    if draw.random.percent(10) {
        constraint["whenUnsatisfiable"] = json!("ScheduleAnyway");
        constraint["minDomains"] = Value::Null;
    }
    constraint
}

fn term(draw: &mut Draw, own: &str) -> Value {
    // There are few zones, and pods that keep away from each other's zones fill them at once.
    let key = draw.random.pick(&[KEYS[0], KEYS[0], KEYS[1]]);
    let mut term = json!({"topologyKey": key, "labelSelector": selector(draw, own)});
    match draw.random.between(1, 10) {
        1 => term["namespaces"] = json!([ROOM, format!("{ROOM}-b")]),
        // Both namespaces of this room and no others.
        2 => term["namespaceSelector"] = json!({"matchLabels": {"room": ROOM}}),
        3 => term["namespaceSelector"] = json!({"matchLabels": {"room": ROOM, "side": "b"}}),
        _ => {}
    }
    term
}

fn selector(draw: &mut Draw, own: &str) -> Value {
    let other = draw.app();
    match draw.random.between(1, 10) {
        1..=6 => json!({"matchLabels": {"app": own}}),
        7 => json!({"matchLabels": {"tier": "front"}}),
        8 => json!({"matchExpressions": [{"key": "app", "operator": "In", "values": [own, other]}]}),
        _ => json!({"matchLabels": {"app": other}}),
    }
}

pub fn open_ports(draw: &mut Draw, spec: &mut Value) {
    if !draw.has(Feature::Ports, 60) {
        return;
    }
    let number = draw.random.pick(&[8080, 8080, 8081]);
    let mut port = json!({"containerPort": number, "hostPort": number});
    if draw.random.percent(15) {
        port["protocol"] = json!("UDP");
    }
    if draw.random.percent(25) {
        port["hostIP"] = json!(draw.random.pick(&["127.0.0.1", "10.0.0.1"]));
    }
    spec["containers"][0]["ports"] = json!([port]);
}
