//! Reports to show.

use crate::report::{DrainReport, NodeReport, NodeResult};

pub fn report(nodes: Vec<NodeReport>) -> DrainReport {
    DrainReport {
        kind: "DrainReport",
        result: NodeResult::Partial,
        nodes,
        findings: Vec::new(),
        error: None,
        started_at: String::new(),
        finished_at: String::new(),
    }
}

pub fn node(name: &str) -> NodeReport {
    let reason = Some("interrupted".to_owned());
    NodeReport { reason, cordoned_before: false, ..NodeReport::untouched(name, true, NodeResult::Partial) }
}
