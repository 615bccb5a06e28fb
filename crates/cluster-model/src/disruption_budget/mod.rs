//! Disruption budgets, as the server applies them (`pkg/registry/core/pod/storage/eviction.go`, `pkg/controller/disruption/disruption.go`).

mod status;
mod what_if;

pub use status::BudgetStatus;
pub use what_if::{PodChange, Rule};

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
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
    rule: Rule,
    always_allows_unhealthy: bool,
    status: BudgetStatus,
    pub allowed: i32,
    pub healthy: i32,
    pub desired: i32,
    pub expected: i32,
}

impl From<PodDisruptionBudget> for DisruptionBudget {
    fn from(object: PodDisruptionBudget) -> Self {
        let unusable = status::unusable(&object);
        let PodDisruptionBudget { metadata, spec, status: reported } = object;
        let (spec, reported) = (spec.unwrap_or_default(), reported.unwrap_or_default());
        let namespace = metadata.namespace.unwrap_or_default();
        let mut budget = DisruptionBudget {
            key: format!("{namespace}/{}", metadata.name.unwrap_or_default()),
            namespace,
            rule: Rule::of(&spec),
            // In policy/v1 an empty selector selects every pod of the namespace, an absent one none.
            selector: selector::parse(spec.selector),
            always_allows_unhealthy: spec.unhealthy_pod_eviction_policy.as_deref() == Some("AlwaysAllow"),
            status: BudgetStatus::Stale,
            allowed: reported.disruptions_allowed.unwrap_or_default(),
            healthy: reported.current_healthy.unwrap_or_default(),
            desired: reported.desired_healthy.unwrap_or_default(),
            expected: reported.expected_pods.unwrap_or_default(),
        };
        budget.status = unusable.unwrap_or_else(|| match budget.healthy_needed() {
            _ if budget.allowed > 0 => BudgetStatus::Allows(budget.allowed),
            Some(_) => BudgetStatus::Exhausted,
            None => BudgetStatus::Blocked,
        });
        budget
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

    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    pub fn status(&self) -> &BudgetStatus {
        &self.status
    }

    /// Disruptions that its controller would allow after this change. The controllers are the same ones: it finds a controller through
    /// its pods, so that one whose last pod is gone does not count.
    pub fn allowed_after(&self, change: PodChange) -> i64 {
        self.rule.allowed(self.expected.into(), self.healthy.into(), change)
    }

    /// Pods that have to become healthy before it allows a disruption; `None` if it allows none when all are.
    pub fn healthy_needed(&self) -> Option<i64> {
        let all = self.unhealthy();
        let most = self.allowed_after(PodChange { healthy: all, ..PodChange::default() });
        // Each healthy pod more is one disruption more.
        (most > 0).then(|| (all + 1 - most).max(0))
    }

    /// Replicas to add before it allows a disruption when all of its pods are healthy; `None` if it never does.
    pub fn replicas_needed(&self) -> Option<i64> {
        let all = self.unhealthy();
        let allows = |n: &i64| {
            self.allowed_after(PodChange { healthy: all.saturating_add(*n), pods: *n, replicas: *n }) > 0
        };
        // Of a hundred replicas every share below 100% leaves one.
        let absolute = i64::from(self.desired) + 1 - i64::from(self.expected);
        (1..=100).chain([absolute]).find(allows)
    }

    fn unhealthy(&self) -> i64 {
        i64::from(self.expected) - i64::from(self.healthy)
    }

    pub fn selects(&self, pod: &Pod) -> bool {
        self.namespace == pod.namespace()
            && selector::selects(self.selector.as_ref(), pod.metadata.labels.as_ref())
    }

    /// An eviction of this pod needs one of the disruptions that the budget allows.
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
        assert_eq!(budget("s/b", json!({"spec": {"minAvailable": 2}})).rule().to_string(), "minAvailable 2");
        assert_eq!(
            budget("s/b", json!({"spec": {"maxUnavailable": "50%"}})).rule().to_string(),
            "maxUnavailable 50%"
        );
    }
}
