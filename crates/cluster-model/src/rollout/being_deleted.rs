//! A workload that is being deleted: its finalizers keep it, and no controller rolls anything out.
//!
//! Each controller passes such an object over, but for its status: `deployment_controller.go` (syncDeployment), `daemon_controller.go`
//! (syncDaemonSet), `stateful_set_control.go` (updateStatefulSet).

use std::fmt;

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::Raw;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeingDeleted {
    pub since: Timestamp,
    /// What it waits for.
    pub finalizers: Vec<String>,
}

impl BeingDeleted {
    /// `None`: it is not being deleted.
    pub fn of(object: &Value) -> Option<Self> {
        let since = object.time("/metadata/deletionTimestamp")?;
        let finalizers = object.list("/metadata/finalizers").iter().filter_map(Value::as_str);
        Some(BeingDeleted { since, finalizers: finalizers.map(str::to_owned).collect() })
    }
}

/// `is being deleted since …: its controller rolls nothing out; finalizers: …`, after the name of the workload.
impl fmt::Display for BeingDeleted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is being deleted since {}: its controller rolls nothing out", self.since)?;
        match self.finalizers.as_slice() {
            [] => Ok(()),
            names => write!(f, "; finalizers: {}", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_being_deleted_is_recognised_with_what_it_waits_for() {
        let of = |metadata: Value| BeingDeleted::of(&json!({"metadata": metadata})).map(|it| it.to_string());
        let since = "2026-01-01T00:00:07Z";
        assert_eq!(of(json!({"finalizers": ["x.io/hold"]})), None);
        assert_eq!(
            of(json!({"deletionTimestamp": since, "finalizers": ["x.io/hold", "y.io/z"]})).unwrap(),
            "is being deleted since 2026-01-01T00:00:07Z: its controller rolls nothing out; finalizers: x.io/hold, y.io/z"
        );
        assert_eq!(
            of(json!({"deletionTimestamp": since})).unwrap(),
            "is being deleted since 2026-01-01T00:00:07Z: its controller rolls nothing out"
        );
    }
}
