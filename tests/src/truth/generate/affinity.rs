//! Node selectors and required node affinity.

use serde_json::{Value, json};

use super::Draw;
use crate::truth::case::node_name;
use crate::truth::feature::Feature;

pub fn require(draw: &mut Draw, spec: &mut Value) {
    if draw.has(Feature::NodeAffinity, 25) {
        spec["nodeSelector"]["disk"] = json!(draw.random.pick(&["ssd", "hdd"]));
    }
    if draw.has(Feature::NodeAffinity, 45) {
        let terms: Vec<Value> = (0..draw.random.between(1, 2)).map(|_| term(draw)).collect();
        spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
            json!({"nodeSelectorTerms": terms});
    }
}

fn term(draw: &mut Draw) -> Value {
    if draw.random.percent(20) {
        let name = node_name(draw.random.between(0, draw.nodes - 1));
        let operator = draw.random.pick(&["In", "NotIn"]);
        return json!({"matchFields": [{"key": "metadata.name", "operator": operator, "values": [name]}]});
    }
    let expressions: Vec<Value> = (0..draw.random.between(1, 2)).map(|_| expression(draw)).collect();
    json!({"matchExpressions": expressions})
}

fn expression(draw: &mut Draw) -> Value {
    let zone = draw.zone();
    match draw.random.between(1, 6) {
        1 => {
            let bound = draw.random.pick(&["2", "4", "8", "16"]);
            json!({"key": "cores", "operator": draw.random.pick(&["Gt", "Lt"]), "values": [bound]})
        }
        2 => json!({"key": "pool", "operator": draw.random.pick(&["Exists", "DoesNotExist"])}),
        3 => json!({"key": "pool", "operator": draw.random.pick(&["In", "NotIn"]), "values": ["a"]}),
        4 => {
            json!({"key": "disk", "operator": draw.random.pick(&["In", "NotIn"]), "values": ["hdd", "tape"]})
        }
        _ => json!({
            "key": "topology.kubernetes.io/zone",
            "operator": draw.random.pick(&["In", "NotIn"]),
            "values": [zone],
        }),
    }
}
