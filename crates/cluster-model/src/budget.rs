//! Disruption budget maths, as the server does it
//! (`pkg/registry/core/pod/storage/eviction.go`, `pkg/controller/disruption/disruption.go`).

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube_core::{Selector, SelectorExt};

use crate::pod::PodExt;

/// What a budget says right now, from its own status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
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

/// May this pod be evicted while the budget stands as it does?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The server does not ask the budget for this pod.
    Open,
    /// The eviction spends the budget.
    Counted,
}

pub trait BudgetExt {
    /// `namespace/name`.
    fn key(&self) -> String;
    fn selects(&self, pod: &Pod) -> bool;
    fn standing(&self) -> Standing;
    fn gate(&self, pod: &Pod) -> Gate;
    fn allowed(&self) -> i32;
    fn healthy(&self) -> i32;
    fn desired(&self) -> i32;
    fn expected(&self) -> i32;
    /// `minAvailable 2` or `maxUnavailable 50%`, as written.
    fn rule(&self) -> String;
}

impl BudgetExt for PodDisruptionBudget {
    fn key(&self) -> String {
        let meta = &self.metadata;
        format!(
            "{}/{}",
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default()
        )
    }

    fn selects(&self, pod: &Pod) -> bool {
        if self.metadata.namespace != pod.metadata.namespace {
            return false;
        }
        // In policy/v1 an empty selector selects every pod of the namespace, an absent one none.
        let Some(selector) = self.spec.as_ref().and_then(|s| s.selector.clone()) else { return false };
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        Selector::try_from(selector).is_ok_and(|s| s.matches(&labels))
    }

    fn standing(&self) -> Standing {
        let status = self.status.as_ref();
        // First: a controller that fails leaves observedGeneration behind for ever (disruption.go, failSafe).
        let conditions = status.and_then(|s| s.conditions.as_deref()).unwrap_or_default();
        if let Some(failed) =
            conditions.iter().find(|c| c.type_ == "DisruptionAllowed" && c.reason == "SyncFailed")
        {
            return Standing::SyncFailed(failed.message.clone());
        }
        let observed = status.and_then(|s| s.observed_generation).unwrap_or_default();
        if observed < self.metadata.generation.unwrap_or_default() {
            return Standing::Stale;
        }
        match self.allowed() {
            n if n > 0 => Standing::Allows(n),
            // expected 0 with a pod in front of us: bare pods under a percentage or maxUnavailable are not counted, ever.
            _ if self.expected() <= self.desired() => Standing::Blocked,
            _ => Standing::Exhausted,
        }
    }

    fn gate(&self, pod: &Pod) -> Gate {
        if pod.is_pending() || pod.is_finished() || pod.is_terminating() {
            return Gate::Open;
        }
        if pod.is_ready() {
            return Gate::Counted;
        }
        match self.spec.as_ref().and_then(|s| s.unhealthy_pod_eviction_policy.as_deref()) {
            Some("AlwaysAllow") => Gate::Open,
            // IfHealthyBudget, the default: an unready pod passes while the others satisfy the budget.
            _ if self.desired() > 0 && self.healthy() >= self.desired() => Gate::Open,
            _ => Gate::Counted,
        }
    }

    fn allowed(&self) -> i32 {
        self.status.as_ref().and_then(|s| s.disruptions_allowed).unwrap_or_default()
    }

    fn healthy(&self) -> i32 {
        self.status.as_ref().and_then(|s| s.current_healthy).unwrap_or_default()
    }

    fn desired(&self) -> i32 {
        self.status.as_ref().and_then(|s| s.desired_healthy).unwrap_or_default()
    }

    fn expected(&self) -> i32 {
        self.status.as_ref().and_then(|s| s.expected_pods).unwrap_or_default()
    }

    fn rule(&self) -> String {
        let text = |v: &IntOrString| match v {
            IntOrString::Int(n) => n.to_string(),
            IntOrString::String(s) => s.clone(),
        };
        let spec = self.spec.as_ref();
        if let Some(v) = spec.and_then(|s| s.max_unavailable.as_ref()) {
            return format!("maxUnavailable {}", text(v));
        }
        spec.and_then(|s| s.min_available.as_ref())
            .map_or("no rule".to_owned(), |v| format!("minAvailable {}", text(v)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{PodBuild, budget, pod};
    use serde_json::json;

    #[test]
    fn selectors_follow_policy_v1() {
        let web = pod("shop/web-1", "n").label("app", "web");
        let cases = [
            (json!({"matchLabels": {"app": "web"}}), true),
            (json!({"matchLabels": {"app": "db"}}), false),
            (json!({}), true),
            (json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]}), true),
            (json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}), false),
        ];
        for (selector, expected) in cases {
            let b = budget("shop/b", json!({"spec": {"selector": selector}}));
            assert_eq!(b.selects(&web), expected, "{selector}");
        }
        let mut nil = budget("shop/b", json!({}));
        nil.spec.as_mut().unwrap().selector = None;
        assert!(!nil.selects(&web), "an absent selector selects nothing");
        assert!(!budget("other/b", json!({"spec": {"selector": {}}})).selects(&web), "another namespace");
    }

    #[test]
    fn standings() {
        let status = |allowed: i32, healthy: i32, desired: i32, expected: i32| {
            budget(
                "s/b",
                json!({"status": {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected}}),
            )
        };
        assert_eq!(status(1, 3, 2, 3).standing(), Standing::Allows(1));
        assert_eq!(status(0, 2, 2, 3).standing(), Standing::Exhausted);
        assert_eq!(status(0, 3, 3, 3).standing(), Standing::Blocked);
        assert_eq!(status(0, 0, 0, 0).standing(), Standing::Blocked, "bare pods under a percentage");
        let stale =
            budget("s/b", json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}}));
        assert_eq!(stale.standing(), Standing::Stale);
        let failed = budget(
            "s/b",
            json!({"metadata": {"generation": 1}, "status": {"observedGeneration": 0, "conditions": [{"type": "DisruptionAllowed", "status": "False",
            "reason": "SyncFailed", "message": "no scale subresource", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}),
        );
        assert_eq!(failed.standing(), Standing::SyncFailed("no scale subresource".into()));
    }

    #[test]
    fn the_gate_follows_the_unhealthy_pod_policy() {
        let b = |policy: Option<&str>, healthy: i32| {
            budget(
                "s/b",
                json!({"spec": {"unhealthyPodEvictionPolicy": policy}, "status": {"currentHealthy": healthy, "desiredHealthy": 2, "expectedPods": 3}}),
            )
        };
        let ready = pod("s/p", "n");
        let unready = pod("s/p", "n").waiting("CrashLoopBackOff");
        // (policy, healthy, pod, gate): eviction.go, cases of test/integration/evictions.
        let cases = [
            (None, 2, &ready, Gate::Counted),
            (None, 2, &unready, Gate::Open),
            (None, 1, &unready, Gate::Counted),
            (Some("IfHealthyBudget"), 1, &unready, Gate::Counted),
            (Some("AlwaysAllow"), 0, &unready, Gate::Open),
            (Some("AlwaysAllow"), 2, &ready, Gate::Counted),
        ];
        for (policy, healthy, pod, gate) in cases {
            assert_eq!(
                b(policy, healthy).gate(pod),
                gate,
                "{policy:?} healthy {healthy} ready {}",
                pod.is_ready()
            );
        }
        for phase in ["Pending", "Succeeded", "Failed"] {
            assert_eq!(b(None, 0).gate(&pod("s/p", "n").phase(phase)), Gate::Open, "{phase}");
        }
        assert_eq!(b(None, 0).gate(&pod("s/p", "n").deleted("2026-01-01T00:00:00Z")), Gate::Open);
    }

    #[test]
    fn rules_read_as_written() {
        assert_eq!(budget("s/b", json!({"spec": {"minAvailable": 2}})).rule(), "minAvailable 2");
        assert_eq!(budget("s/b", json!({"spec": {"maxUnavailable": "50%"}})).rule(), "maxUnavailable 50%");
    }
}
