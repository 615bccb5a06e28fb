//! Nodes that kwok keeps alive.

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::wait::{PATIENCE, wait};

pub(crate) const NODES: &str = "/api/v1/nodes";

/// Where nodes are spread over.
const ZONES: [&str; 2] = ["zone-a", "zone-b"];

impl Cluster {
    /// Makes nodes `PREFIX-1` to `PREFIX-count`, spread over two zones, and returns when all are Ready.
    /// `edit` changes each, by its index, before it is made.
    #[track_caller]
    pub fn add_nodes(&self, prefix: &str, count: usize, edit: impl Fn(usize, &mut Value)) -> Vec<String> {
        let names: Vec<String> = (1..=count).map(|number| format!("{prefix}-{number}")).collect();
        for (index, name) in names.iter().enumerate() {
            let mut node = node(name, ZONES[index % ZONES.len()]);
            edit(index, &mut node);
            self.create(NODES, &node);
        }
        wait("all new nodes to be Ready", PATIENCE, || {
            let nodes = self.list(NODES);
            let ready = |name: &&String| {
                nodes.iter().any(|node| node["metadata"]["name"] == **name && is_usable(node))
            };
            (names.iter().filter(ready).count() == names.len()).then_some(())
        });
        names
    }
}

fn node(name: &str, zone: &str) -> Value {
    let size = json!({"cpu": "32", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "110"});
    json!({
        "metadata": {
            "name": name,
            // What makes kwok take care of it.
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "topology.kubernetes.io/zone": zone,
            },
        },
        "status": {"capacity": size, "allocatable": size},
    })
}

pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)?["status"].as_str()
}

/// Ready, and the node controller has taken its start-up taint away.
pub(crate) fn is_usable(node: &Value) -> bool {
    let tainted = node["spec"]["taints"]
        .as_array()
        .is_some_and(|taints| taints.iter().any(|taint| taint["key"] == "node.kubernetes.io/not-ready"));
    condition(node, "Ready") == Some("True") && !tainted
}
