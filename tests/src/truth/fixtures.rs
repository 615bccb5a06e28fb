//! What all rooms share: priority classes, a runtime class with overhead.

use serde_json::{Value, json};
use testbed::Cluster;

/// Name, value, preemption policy. All are below 0, which the pods of other tests in the same cluster have: none of them can be preempted by a
/// pod of these classes, so what is predicted for them stays certain.
pub const PRIORITIES: [(&str, i32, &str); 3] = [
    ("truth-high", -10, "PreemptLowerPriority"),
    ("truth-patient", -10, "Never"),
    ("truth-low", -30, "PreemptLowerPriority"),
];
/// Of most pods of a room that has priorities.
pub const ORDINARY_PRIORITY: (&str, i32, &str) = ("truth-ordinary", -20, "PreemptLowerPriority");
/// Of pods that must not be in anybody's way.
pub const PROBE_PRIORITY: &str = "truth-probe";
pub const RUNTIME_CLASS: &str = "truth-overhead";

/// A cluster that was prepared already is left alone.
pub fn prepare(cluster: &Cluster) {
    let probe = (PROBE_PRIORITY, -1000, "Never");
    for (name, value, policy) in PRIORITIES.into_iter().chain([ORDINARY_PRIORITY, probe]) {
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
