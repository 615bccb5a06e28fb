//! The nodes themselves.

use cluster_model::{Finding, Inventory, NodeExt, Severity};

use crate::options::Options;

pub fn check(inventory: &Inventory, _options: &Options) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in &inventory.nodes {
        let subject = format!("node/{}", node.name());
        if let Some(why) = node.not_ready() {
            findings.push(
                Finding::new(
                    "node-not-ready",
                    Severity::Warning,
                    &subject,
                    format!("Ready is {why}: its kubelet may never confirm that a pod has stopped"),
                )
                .remedy(format!(
                    "if the machine is off for good: kubectl taint nodes {} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute",
                    node.name()
                )),
            );
        }
        if node.is_cordoned() {
            let by = match node.cordoned_by() {
                Some(by) => match by.at {
                    Some(at) => format!("by {} at {at}", by.manager),
                    None => format!("by {}", by.manager),
                },
                None => "by an unknown user".to_owned(),
            };
            findings.push(Finding::new(
                "node-cordoned-before",
                Severity::Info,
                &subject,
                format!("already cordoned {by}; it remains cordoned after this run"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use cluster_model::{Severity, build};
    use serde_json::json;

    #[test]
    fn node_not_ready() {
        let good = inventory_of(vec![]);
        let mut bad = good.clone();
        bad.nodes[0] = build::node(
            "n1",
            json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}}),
        );
        fires("node-not-ready", Severity::Warning, &bad, &good);
    }

    #[test]
    fn node_cordoned_before() {
        let good = inventory_of(vec![]);
        let mut bad = good.clone();
        bad.nodes[0] = build::node("n1", json!({"spec": {"unschedulable": true}}));
        fires("node-cordoned-before", Severity::Info, &bad, &good);
    }
}
