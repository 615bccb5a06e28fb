//! A workload that is being deleted, perhaps kept by finalizers: its controller makes no pods and rolls nothing out any more.
//!
//! Each controller of Kubernetes passes such an object over, but for its status (in pkg/controller): `deployment/deployment_controller.go`
//! (`syncDeployment`; its ReplicaSets go on until they are deleted themselves), `replicaset/replica_set.go` (`syncReplicaSet`, also of
//! ReplicationControllers), `statefulset/stateful_set_control.go` (`updateStatefulSet`), `daemon/daemon_controller.go` (`syncDaemonSet`),
//! `job/job_controller.go` (`syncJob`).

use std::fmt;

use crate::Raw;
use k8s_openapi::jiff::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BeingDeleted {
    pub since: Timestamp,
    /// What it waits for.
    pub finalizers: Vec<String>,
}

impl BeingDeleted {
    /// `None`: it is not being deleted.
    pub fn of<J: Raw>(object: &J) -> Option<Self> {
        let since = object.time("/metadata/deletionTimestamp")?;
        let finalizers = object.list("/metadata/finalizers").iter().filter_map(Raw::as_str);
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
    use serde_json::{Value, json};

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
