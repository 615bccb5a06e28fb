//! Disruption budgets, as the server applies them (`pkg/registry/core/pod/storage/eviction.go`, `pkg/controller/disruption/disruption.go`).

mod requirement;
mod status;
mod what_if;

use requirement::Counted;
pub use requirement::{Members, Requirement};
pub use status::BudgetStatus;
pub use what_if::{PodChange, Rule};

use std::collections::BTreeMap;

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
        let counted = budget.counted();
        let may_allow = counted.healthy_needed(counted.unhealthy(), 0).is_some();
        budget.status = unusable.unwrap_or(match () {
            () if budget.allowed > 0 => BudgetStatus::Allows(budget.allowed),
            () if may_allow => BudgetStatus::Exhausted,
            () => BudgetStatus::Blocked,
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

    /// `unhealthyPodEvictionPolicy: AlwaysAllow`
    pub fn always_allows_unhealthy(&self) -> bool {
        self.always_allows_unhealthy
    }

    /// Disruptions that its controller would allow after this change. The controllers are the same ones: it finds a controller through
    /// its pods, so that one whose last pod is gone does not count.
    pub fn allowed_after(&self, change: PodChange) -> i64 {
        self.counted().allowed_after(change)
    }

    /// What it takes before it allows a disruption.
    pub fn requirement(&self, members: Members) -> Requirement {
        self.counted().requirement(members)
    }

    /// What its controller computes once it has so many pods, all of them healthy: for a budget that has no status yet, or pods that do not
    /// exist yet.
    #[must_use]
    pub fn with_all_healthy(mut self, pods: i32) -> Self {
        (self.expected, self.healthy) = (pods, pods);
        let allowed = self.allowed_after(PodChange::default());
        self.allowed = i32::try_from(allowed).unwrap_or(i32::MAX).min(pods);
        self.desired = pods - self.allowed;
        self.status =
            if self.allowed > 0 { BudgetStatus::Allows(self.allowed) } else { BudgetStatus::Blocked };
        self
    }

    fn counted(&self) -> Counted<'_> {
        Counted {
            rule: &self.rule,
            expected: self.expected.into(),
            healthy: self.healthy.into(),
            desired: self.desired.into(),
        }
    }

    pub fn selects(&self, pod: &Pod) -> bool {
        self.namespace == pod.namespace()
            && selector::selects(self.selector.as_ref(), pod.metadata.labels.as_ref())
    }

    /// It selects pods of its namespace that have these labels.
    pub fn selects_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        selector::selects(self.selector.as_ref(), Some(labels))
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
    fn unhealthy_pods_count_by_their_policy() {
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
    fn of_pods_that_are_all_healthy() {
        // (rule, pods, allowed, desired)
        for (rule, pods, allowed, desired) in [
            (json!({"maxUnavailable": 1}), 3, 1, 2),
            (json!({"minAvailable": 3}), 3, 0, 3),
            (json!({"minAvailable": "50%"}), 3, 1, 2),
            (json!({"maxUnavailable": "100%"}), 3, 3, 0),
            (json!({"minAvailable": 0}), 2, 2, 0),
            (json!({}), 2, 0, 2),
            (json!({"maxUnavailable": 1}), 0, 0, 0),
        ] {
            let stale = json!({"metadata": {"generation": 1}, "spec": rule, "status": null});
            let budget = budget("s/b", stale).with_all_healthy(pods);
            let is_allowed = matches!(budget.status(), BudgetStatus::Allows(_));
            assert_eq!(
                (budget.allowed, budget.desired, is_allowed),
                (allowed, desired, allowed > 0),
                "{rule}"
            );
        }
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
