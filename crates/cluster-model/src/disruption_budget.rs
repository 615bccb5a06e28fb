//! Disruption budgets, as the server applies them (`pkg/registry/core/pod/storage/eviction.go`, `pkg/controller/disruption/disruption.go`).

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube_core::Selector;

use crate::pod::PodExt;
use crate::selector;

/// A PodDisruptionBudget, read once: its selector is parsed, and nothing is kept that no rule reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisruptionBudget {
    /// `namespace/name`.
    key: String,
    namespace: String,
    /// `None` selects nothing.
    selector: Option<Selector>,
    rule: String,
    always_allows_unhealthy: bool,
    status: BudgetStatus,
    pub allowed: i32,
    pub healthy: i32,
    pub desired: i32,
    pub expected: i32,
}

/// What a budget says right now, from its own status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetStatus {
    /// Evictions are granted.
    Allows(i32),
    /// None now; some once more of its pods are Ready.
    Exhausted,
    /// None ever, however healthy its pods are: it asks for as many as there are.
    Blocked,
    /// Its controller cannot compute it; the message is the controller's own.
    SyncFailed(String),
    /// Its status is older than its spec: the server answers "still being processed".
    Stale,
}

impl From<PodDisruptionBudget> for DisruptionBudget {
    fn from(object: PodDisruptionBudget) -> Self {
        let status = status(&object);
        let PodDisruptionBudget { metadata, spec, status: reported } = object;
        let (spec, reported) = (spec.unwrap_or_default(), reported.unwrap_or_default());
        let namespace = metadata.namespace.unwrap_or_default();
        DisruptionBudget {
            key: format!("{namespace}/{}", metadata.name.unwrap_or_default()),
            namespace,
            rule: match (spec.max_unavailable, spec.min_available) {
                (Some(value), _) => format!("maxUnavailable {}", text(value)),
                (None, Some(value)) => format!("minAvailable {}", text(value)),
                (None, None) => "no rule".to_owned(),
            },
            // In policy/v1 an empty selector selects every pod of the namespace, an absent one none.
            selector: selector::parse(spec.selector),
            always_allows_unhealthy: spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow"),
            status,
            allowed: reported.disruptions_allowed.unwrap_or_default(),
            healthy: reported.current_healthy.unwrap_or_default(),
            desired: reported.desired_healthy.unwrap_or_default(),
            expected: reported.expected_pods.unwrap_or_default(),
        }
    }
}

fn text(value: IntOrString) -> String {
    match value {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(text) => text,
    }
}

fn status(object: &PodDisruptionBudget) -> BudgetStatus {
    let status = object.status.as_ref();
    // First: a controller that fails leaves observedGeneration behind for ever (disruption.go, failSafe).
    let conditions = status.and_then(|s| s.conditions.as_deref()).unwrap_or_default();
    if let Some(failed) =
        conditions.iter().find(|c| c.type_ == "DisruptionAllowed" && c.reason == "SyncFailed")
    {
        return BudgetStatus::SyncFailed(failed.message.clone());
    }
    let observed = status.and_then(|s| s.observed_generation).unwrap_or_default();
    if observed < object.metadata.generation.unwrap_or_default() {
        return BudgetStatus::Stale;
    }
    let number = |value: Option<i32>| value.unwrap_or_default();
    match status {
        Some(s) if number(s.disruptions_allowed) > 0 => BudgetStatus::Allows(number(s.disruptions_allowed)),
        // expected 0 with a pod in front of us: bare pods under a percentage or maxUnavailable are not counted, ever.
        Some(s) if number(s.expected_pods) > number(s.desired_healthy) => BudgetStatus::Exhausted,
        _ => BudgetStatus::Blocked,
    }
}

impl DisruptionBudget {
    /// `namespace/name`.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn name(&self) -> &str {
        self.key.split_once('/').map_or("", |(_, name)| name)
    }

    pub fn selector(&self) -> Option<&Selector> {
        self.selector.as_ref()
    }

    /// `minAvailable 2` or `maxUnavailable 50%`, as written.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    pub fn status(&self) -> &BudgetStatus {
        &self.status
    }

    pub fn selects(&self, pod: &Pod) -> bool {
        self.namespace == pod.namespace()
            && selector::selects(self.selector.as_ref(), pod.metadata.labels.as_ref())
    }

    /// The server asks this budget before it evicts the pod, and the eviction spends it.
    pub fn counts(&self, pod: &Pod) -> bool {
        if pod.is_pending() || pod.is_finished() || pod.is_terminating() {
            return false;
        }
        if pod.is_ready() {
            return true;
        }
        // IfHealthyBudget, the default: an unready pod passes while the others satisfy the budget.
        let is_satisfied = self.desired > 0 && self.healthy >= self.desired;
        !self.always_allows_unhealthy && !is_satisfied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{PodBuild, budget, budget_without_selector, pod};
    use serde_json::json;

    #[test]
    fn it_selects_pods_of_its_own_namespace() {
        let web = pod("shop/web-1", "n").label("app", "web");
        let everything = json!({"spec": {"selector": {"matchLabels": null}}});
        assert!(budget("shop/b", json!({})).selects(&web));
        assert!(budget("shop/b", everything.clone()).selects(&web));
        assert!(!budget_without_selector("shop/b").selects(&web), "an absent selector selects nothing");
        assert!(!budget("other/b", everything).selects(&web), "another namespace");
    }

    #[test]
    fn statuses() {
        let status = |allowed: i32, healthy: i32, desired: i32, expected: i32| {
            budget(
                "s/b",
                json!({"status": {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected}}),
            )
        };
        assert_eq!(*status(1, 3, 2, 3).status(), BudgetStatus::Allows(1));
        assert_eq!(*status(0, 2, 2, 3).status(), BudgetStatus::Exhausted);
        assert_eq!(*status(0, 3, 3, 3).status(), BudgetStatus::Blocked);
        assert_eq!(*status(0, 0, 0, 0).status(), BudgetStatus::Blocked, "bare pods under a percentage");
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

    #[test]
    fn unhealthy_pods_count_as_their_policy_says() {
        let b = |policy: Option<&str>, healthy: i32| {
            budget(
                "s/b",
                json!({"spec": {"unhealthyPodEvictionPolicy": policy}, "status": {"currentHealthy": healthy, "desiredHealthy": 2, "expectedPods": 3}}),
            )
        };
        let ready = pod("s/p", "n");
        let unready = pod("s/p", "n").waiting("CrashLoopBackOff");
        // (policy, healthy, pod, counts): eviction.go, cases of test/integration/evictions.
        let cases = [
            (None, 2, &ready, true),
            (None, 2, &unready, false),
            (None, 1, &unready, true),
            (Some("IfHealthyBudget"), 1, &unready, true),
            (Some("AlwaysAllow"), 0, &unready, false),
            (Some("AlwaysAllow"), 2, &ready, true),
        ];
        for (policy, healthy, pod, counts) in cases {
            assert_eq!(
                b(policy, healthy).counts(pod),
                counts,
                "{policy:?} healthy {healthy} ready {}",
                pod.is_ready()
            );
        }
        for phase in ["Pending", "Succeeded", "Failed"] {
            assert!(!b(None, 0).counts(&pod("s/p", "n").phase(phase)), "{phase}");
        }
        assert!(!b(None, 0).counts(&pod("s/p", "n").deleted("2026-01-01T00:00:00Z")));
    }

    #[test]
    fn rules_read_as_written() {
        assert_eq!(budget("s/b", json!({"spec": {"minAvailable": 2}})).rule(), "minAvailable 2");
        assert_eq!(budget("s/b", json!({"spec": {"maxUnavailable": "50%"}})).rule(), "maxUnavailable 50%");
    }
}
