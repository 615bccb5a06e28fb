//! What a budget allows right now, by its own status.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetStatus {
    /// So many evictions are granted.
    Allows(i32),
    /// None now; some once more of its pods are Ready.
    Exhausted,
    /// None, even if all the pods that it expects were healthy.
    Blocked,
    /// Its controller cannot compute it; the message is the controller's own.
    SyncFailed(String),
    /// Its status is older than its spec: the server answers "still being processed".
    Stale,
}

/// `None`: its numbers hold.
pub(super) fn unusable(object: &PodDisruptionBudget) -> Option<BudgetStatus> {
    let status = object.status.as_ref();
    // First: a controller that fails leaves observedGeneration behind for ever (disruption.go, failSafe).
    let conditions = status.and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    let failed = conditions.iter().find(|c| c.type_ == "DisruptionAllowed" && c.reason == "SyncFailed");
    if let Some(failed) = failed {
        return Some(BudgetStatus::SyncFailed(failed.message.clone()));
    }
    let observed = status.and_then(|s| s.observed_generation).unwrap_or_default();
    (observed < object.metadata.generation.unwrap_or_default()).then_some(BudgetStatus::Stale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::budget;
    use serde_json::json;

    #[test]
    fn statuses() {
        let status = |rule: (&str, serde_json::Value),
                      allowed: i32,
                      healthy: i32,
                      desired: i32,
                      expected: i32| {
            let (field, value) = rule;
            budget(
                "s/b",
                json!({"spec": {field: value}, "status": {"disruptionsAllowed": allowed, "currentHealthy": healthy,
                    "desiredHealthy": desired, "expectedPods": expected}}),
            )
            .status()
            .clone()
        };
        let min = |value: i32| ("minAvailable", json!(value));
        assert_eq!(status(min(2), 1, 3, 2, 3), BudgetStatus::Allows(1));
        assert_eq!(status(min(2), 0, 2, 2, 3), BudgetStatus::Exhausted);
        assert_eq!(status(min(3), 0, 3, 3, 3), BudgetStatus::Blocked);
        assert_eq!(status(("maxUnavailable", json!(1)), 0, 2, 2, 3), BudgetStatus::Exhausted);
        assert_eq!(status(("maxUnavailable", json!(0)), 0, 3, 3, 3), BudgetStatus::Blocked);
        // Pods without a controller are not counted under a percentage.
        assert_eq!(status(("minAvailable", json!("50%")), 0, 0, 0, 0), BudgetStatus::Blocked);
        let stale =
            budget("s/b", json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}}));
        assert_eq!(*stale.status(), BudgetStatus::Stale);
        let failed = budget(
            "s/b",
            json!({"metadata": {"generation": 1}, "status": {"observedGeneration": 0, "conditions": [{"type": "DisruptionAllowed", "status": "False",
            "reason": "SyncFailed", "message": "no scale subresource", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}),
        );
        assert_eq!(*failed.status(), BudgetStatus::SyncFailed("no scale subresource".into()));
    }
}
