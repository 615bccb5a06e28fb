//! `ProgressDeadlineExceeded`, and of which rollout. A ReplicaSet that is adopted again does not reset the condition
//! (`deployment/progress.go`, syncRolloutStatus; jordigilh/kubernaut#199), so `kubectl rollout status` fails although the rollback is fine.

use cluster_model::Raw;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::target::Target;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deadline {
    /// The controller enforces it.
    Open,
    /// The controller does not enforce it: the condition is that of an earlier rollout, passed or finished, and an equal one is
    /// never written again (SetDeploymentCondition, DeploymentTimedOut).
    Unkept,
    Passed,
}

pub(super) fn deadline(object: &Value, target: Option<&Target>, written_at: Timestamp) -> Deadline {
    let progressing = |c: &&Value| c["type"] == "Progressing";
    let Some(condition) = object.list("/status/conditions").iter().find(progressing) else {
        return Deadline::Open;
    };
    match condition.text("/reason") {
        "ProgressDeadlineExceeded" => {}
        "NewReplicaSetAvailable" => return Deadline::Unkept,
        _ => return Deadline::Open,
    }
    // In whole seconds: no deadline can pass within the second of the write.
    let before = condition
        .time("/lastUpdateTime")
        .is_some_and(|updated| updated.as_second() <= written_at.as_second());
    let another = match (replicaset(condition.text("/message")), target) {
        (Some(named), Some(target)) => named != target.name,
        // It names a ReplicaSet, and it is not known yet which one is the target.
        (Some(_), None) => true,
        (None, _) => false,
    };
    if before || another { Deadline::Unkept } else { Deadline::Passed }
}

/// `ReplicaSet "web-5c9f" has timed out progressing.`
fn replicaset(message: &str) -> Option<&str> {
    message.strip_prefix("ReplicaSet \"")?.split_once('"').map(|(name, _)| name)
}
