//! What can be read off a Node.

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::Timestamp;

use crate::managed_fields::Entry;

/// Who made a node unschedulable, as far as the node records it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CordonedBy {
    pub manager: String,
    pub at: Option<Timestamp>,
}

pub trait NodeExt {
    fn name(&self) -> &str;
    fn uid(&self) -> &str;
    fn is_cordoned(&self) -> bool;
    /// Without what takes most of its memory and no rule reads: up to fifty images, and its volumes.
    #[must_use]
    fn without_images_and_volumes(self) -> Self;
    fn without_volumes(self) -> Self;
    /// The `Ready` condition's status and reason when it is not `True`.
    fn not_ready(&self) -> Option<String>;
    /// The time of its condition `Ready` while that is `True`.
    fn ready_since(&self) -> Option<Timestamp>;
    fn cordoned_by(&self) -> Option<CordonedBy>;
    /// Everybody on record for the cordon; empty where the server keeps no such record.
    fn cordon_owners(&self) -> Vec<CordonedBy>;
}

impl NodeExt for Node {
    fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }

    fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    fn is_cordoned(&self) -> bool {
        self.spec.as_ref().and_then(|s| s.unschedulable).unwrap_or(false)
    }

    fn without_images_and_volumes(mut self) -> Self {
        if let Some(status) = &mut self.status {
            status.images = None;
        }
        self.without_volumes()
    }

    fn without_volumes(mut self) -> Self {
        if let Some(status) = &mut self.status {
            (status.volumes_attached, status.volumes_in_use) = (None, None);
        }
        self
    }

    fn not_ready(&self) -> Option<String> {
        let conditions = self.status.as_ref().and_then(|s| s.conditions.as_deref()).unwrap_or_default();
        match conditions.iter().find(|c| c.type_ == "Ready") {
            Some(c) if c.status == "True" => None,
            Some(c) => Some(format!("{} ({})", c.status, c.reason.as_deref().unwrap_or("no reason given"))),
            None => Some("unknown (no Ready condition)".to_owned()),
        }
    }

    fn ready_since(&self) -> Option<Timestamp> {
        let conditions = self.status.as_ref()?.conditions.as_deref()?;
        let ready = conditions.iter().find(|it| it.type_ == "Ready" && it.status == "True")?;
        ready.last_transition_time.as_ref().map(|it| it.0)
    }

    fn cordoned_by(&self) -> Option<CordonedBy> {
        self.cordon_owners().into_iter().next()
    }

    fn cordon_owners(&self) -> Vec<CordonedBy> {
        if !self.is_cordoned() {
            return Vec::new();
        }
        let entries = self.metadata.managed_fields.iter().flatten().map(Entry::from);
        let owners = entries.filter(|entry| entry.has("/f:spec/f:unschedulable"));
        owners.map(|entry| CordonedBy { manager: entry.manager.to_owned(), at: entry.time }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::node;
    use serde_json::json;

    #[test]
    fn readiness_names_the_reason() {
        assert_eq!(node("n", json!({})).not_ready(), None);
        let unreachable = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]}});
        assert_eq!(node("n", unreachable).not_ready().as_deref(), Some("Unknown (NodeStatusUnknown)"));
    }

    #[test]
    fn the_cordon_has_an_author() {
        let managed = json!([{"manager": "kubectl-cordon", "operation": "Update", "time": "2026-01-02T03:04:05Z",
            "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}]);
        let cordoned =
            node("n", json!({"spec": {"unschedulable": true}, "metadata": {"managedFields": managed}}));
        assert_eq!(cordoned.cordoned_by().map(|c| c.manager).as_deref(), Some("kubectl-cordon"));
        assert_eq!(node("n", json!({"metadata": {"managedFields": managed}})).cordoned_by(), None);
    }
}
