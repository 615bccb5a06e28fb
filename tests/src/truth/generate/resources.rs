//! What a pod requests: containers, init containers, sidecars, the pod as a whole.

use serde_json::{Value, json};

use super::Draw;
use crate::truth::feature::Feature;

const CPU: [&str; 6] = ["100m", "250m", "500m", "500m", "1", "1500m"];
const MEMORY: [&str; 4] = ["64Mi", "256Mi", "512Mi", "1Gi"];

pub fn request(draw: &mut Draw, spec: &mut Value) {
    let mut requests = requests(draw);
    if draw.has(Feature::Resources, 10) {
        requests["ephemeral-storage"] = json!(draw.random.pick(&["200Mi", "800Mi", "3Gi"]));
    }
    if draw.has(Feature::Resources, 4) {
        requests["cpu"] = json!("3");
    }
    spec["containers"][0]["resources"] = json!({"requests": requests});
    if draw.has(Feature::Resources, 15) {
        let devices = json!({"example.com/device": "1"});
        spec["containers"][0]["resources"]["limits"] = devices.clone();
        spec["containers"][0]["resources"]["requests"]["example.com/device"] = json!("1");
    }
    let mut init = Vec::new();
    for (name, restarts) in [("first", false), ("sidecar", true), ("last", false)] {
        if draw.has(Feature::Resources, 10) {
            let requests = self::requests(draw);
            let mut container =
                json!({"name": name, "image": "example.invalid/app:1", "resources": {"requests": requests}});
            if restarts {
                container["restartPolicy"] = json!("Always");
            }
            init.push(container);
        }
    }
    if !init.is_empty() {
        spec["initContainers"] = json!(init);
    }
    // Pod-level requests must not be below the sum of the containers'.
    if draw.has(Feature::Resources, 5) && spec["initContainers"].is_null() {
        spec["resources"] = json!({"requests": {"cpu": draw.random.pick(&["1500m", "3"]), "memory": "1Gi"}});
        spec["containers"][0]["resources"]["requests"] = json!({"cpu": "1"});
        spec["containers"][0]["resources"]["limits"] = Value::Null;
    }
}

fn requests(draw: &mut Draw) -> Value {
    let mut requests = json!({});
    if draw.has(Feature::Resources, 85) {
        requests["cpu"] = json!(draw.random.pick(&CPU));
    }
    if draw.has(Feature::Resources, 60) {
        requests["memory"] = json!(draw.random.pick(&MEMORY));
    }
    requests
}
