//! One generated cluster, as plain objects. `ROOM` in any text stands for the name of the room in which it is made.

use serde_json::{Value, json};

pub const ROOM: &str = "ROOM";

#[derive(Clone, Debug)]
pub struct Case {
    pub seed: u64,
    /// Merge patches for the room's nodes; the taints are added to the room's own.
    pub nodes: Vec<Value>,
    /// Namespaced objects and PersistentVolumes, with kind and namespace, in the order in which they are made.
    pub objects: Vec<Value>,
    /// Nodes to be drained, by index.
    pub drained: Vec<usize>,
}

impl Case {
    pub fn named(&self, room: &str) -> Case {
        let named = |objects: &[Value]| objects.iter().map(|it| replaced(it, room)).collect();
        Case { nodes: named(&self.nodes), objects: named(&self.objects), ..self.clone() }
    }

    pub fn deployments(&self) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(|object| object["kind"] == "Deployment")
    }

    pub fn shown(&self) -> String {
        let drained: Vec<String> = self.drained.iter().map(|index| node_name(*index)).collect();
        let all =
            json!({"seed": self.seed, "drained": drained, "nodes": self.nodes, "objects": self.objects});
        format!("{all:#}")
    }
}

pub fn node_name(index: usize) -> String {
    format!("{ROOM}-node-{}", index + 1)
}

fn replaced(value: &Value, room: &str) -> Value {
    match value {
        Value::String(text) => json!(text.replace(ROOM, room)),
        Value::Array(items) => items.iter().map(|item| replaced(item, room)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.replace(ROOM, room), replaced(value, room)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}
