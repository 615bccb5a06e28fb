//! What all rooms share: priority classes, a runtime class with overhead.

use serde_json::{Value, json};
use testbed::Cluster;

/// Name, value, preemption policy.
pub const PRIORITIES: [(&str, i32, &str); 3] = [
    ("truth-high", 1000, "PreemptLowerPriority"),
    ("truth-patient", 1000, "Never"),
    ("truth-low", -10, "PreemptLowerPriority"),
];
/// Of pods that must not be in anybody's way.
pub const PROBE_PRIORITY: &str = "truth-probe";
pub const RUNTIME_CLASS: &str = "truth-overhead";
/// A cluster that was prepared already is left alone.
pub fn prepare(cluster: &Cluster) {
    let probe = (PROBE_PRIORITY, -1000, "Never");
    for (name, value, policy) in PRIORITIES.into_iter().chain([probe]) {
        let class = json!({"metadata": {"name": name}, "value": value, "preemptionPolicy": policy});
        make(cluster, "/apis/scheduling.k8s.io/v1/priorityclasses", &class);
    }
    let overhead = json!({"podFixed": {"cpu": "250m", "memory": "64Mi"}});
    let class = json!({"metadata": {"name": RUNTIME_CLASS}, "handler": "truth", "overhead": overhead});
    make(cluster, "/apis/node.k8s.io/v1/runtimeclasses", &class);
}

fn make(cluster: &Cluster, path: &str, object: &Value) {
    match cluster.try_create(path, object) {
        Err(error) if error.code != 409 => panic!("{error}"),
        _ => {}
    }
}
