//! What a budget would allow if its pods were others: its controller's arithmetic (`pkg/controller/disruption/disruption.go`,
//! getExpectedPodCount and updatePdbStatus) on its spec, from the number of pods and of healthy ones in its status.

use std::fmt;

use k8s_openapi::api::policy::v1::PodDisruptionBudgetSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::int_or_percent::{Round, scaled};

/// What a budget's spec requires. Percentages are of the pods that the controllers of its pods are scaled to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    MinAvailable(IntOrString),
    MaxUnavailable(IntOrString),
    /// Neither field is set. Its controller then expects no pods and allows nothing.
    None,
}

/// The difference between the pods in question and those that the status counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodChange {
    /// Pods that are Ready and not terminating.
    pub healthy: i64,
    /// Pods that the selector selects, whatever their state.
    pub pods: i64,
    /// Replicas that the controllers of its pods are scaled to.
    pub replicas: i64,
}

impl Rule {
    pub(super) fn of(spec: &PodDisruptionBudgetSpec) -> Self {
        match (&spec.max_unavailable, &spec.min_available) {
            (Some(value), _) => Rule::MaxUnavailable(value.clone()),
            (None, Some(value)) => Rule::MinAvailable(value.clone()),
            (None, None) => Rule::None,
        }
    }

    /// How many have to be healthy where so many are expected; `None`: no disruption is allowed at all.
    fn desired(&self, expected: i64) -> Option<i64> {
        match self {
            Rule::MinAvailable(value) => scaled(value, expected, Round::Up),
            Rule::MaxUnavailable(value) => Some((expected - scaled(value, expected, Round::Up)?).max(0)),
            Rule::None => None,
        }
    }

    /// Only under an absolute `minAvailable` the pods themselves are counted; otherwise the scale of their controllers.
    pub(super) fn counts_pods(&self) -> bool {
        matches!(self, Rule::MinAvailable(IntOrString::Int(_)))
    }

    fn expects(&self, change: PodChange) -> i64 {
        if self.counts_pods() { change.pods } else { change.replicas }
    }

    /// Disruptions that the controller allows of a budget that expects so many pods and has so many healthy ones, after this change.
    pub(super) fn allowed(&self, expected: i64, healthy: i64, change: PodChange) -> i64 {
        let expected = expected.saturating_add(self.expects(change));
        let healthy = healthy.saturating_add(change.healthy);
        match self.desired(expected) {
            Some(desired) if expected > 0 => healthy.saturating_sub(desired).max(0),
            _ => 0,
        }
    }
}

/// `minAvailable 2` or `maxUnavailable 50%`, as written.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, value) = match self {
            Rule::MinAvailable(value) => ("minAvailable", value),
            Rule::MaxUnavailable(value) => ("maxUnavailable", value),
            Rule::None => return f.write_str("no rule"),
        };
        match value {
            IntOrString::Int(number) => write!(f, "{field} {number}"),
            IntOrString::String(text) => write!(f, "{field} {text}"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::build::budget;
    use crate::disruption_budget::DisruptionBudget;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    pub(in crate::disruption_budget) fn of(rule: Value, expected: i64, healthy: i64) -> DisruptionBudget {
        let mut budget = budget("s/b", json!({}));
        budget.rule = Rule::of(&serde_json::from_value(rule).unwrap());
        let desired = budget.rule.desired(expected).unwrap_or_default();
        let narrow = |n: i64| i32::try_from(n).unwrap();
        (budget.expected, budget.healthy, budget.desired) =
            (narrow(expected), narrow(healthy), narrow(desired));
        budget
    }

    #[test]
    fn both_fields_round_up() {
        // (rule, expected, healthy, allowed)
        for (rule, expected, healthy, allowed) in [
            (json!({"minAvailable": 2}), 3, 3, 1),
            (json!({"minAvailable": 2}), 3, 1, 0),
            (json!({"minAvailable": 5}), 3, 3, 0),
            (json!({"minAvailable": 0}), 3, 2, 2),
            (json!({"minAvailable": "28%"}), 7, 7, 5),
            (json!({"minAvailable": "50%"}), 3, 3, 1),
            (json!({"minAvailable": "100%"}), 3, 3, 0),
            (json!({"maxUnavailable": 1}), 3, 3, 1),
            (json!({"maxUnavailable": 1}), 3, 2, 0),
            (json!({"maxUnavailable": 5}), 3, 3, 3),
            (json!({"maxUnavailable": 0}), 3, 3, 0),
            (json!({"maxUnavailable": "30%"}), 10, 10, 3),
            (json!({"maxUnavailable": "1%"}), 10, 10, 1),
            // More pods than their controllers are scaled to, in the middle of a rollout.
            (json!({"maxUnavailable": 1}), 3, 4, 2),
            // Pods without a controller: none are expected, so none may go.
            (json!({"minAvailable": "0%"}), 0, 2, 0),
            (json!({}), 0, 2, 0),
            (json!({"minAvailable": "half"}), 3, 3, 0),
        ] {
            let budget = of(rule.clone(), expected, healthy);
            assert_eq!(budget.allowed_after(PodChange::default()), allowed, "{rule} {healthy} of {expected}");
        }
    }

    #[test]
    fn what_a_change_does() {
        let change = |healthy, pods, replicas| PodChange { healthy, pods, replicas };
        // (rule, expected, healthy, change, allowed)
        for (rule, expected, healthy, change, allowed) in [
            // The first pods: an absolute minAvailable counts them, everything else their controllers.
            (json!({"minAvailable": 1}), 0, 0, change(2, 2, 0), 1),
            (json!({"minAvailable": "50%"}), 0, 0, change(2, 2, 0), 0),
            (json!({"minAvailable": "50%"}), 0, 0, change(2, 2, 2), 1),
            (json!({"maxUnavailable": 1}), 0, 0, change(2, 2, 0), 0),
            // A pod becomes unhealthy, or goes and is not replaced yet.
            (json!({"minAvailable": 2}), 3, 3, change(-1, 0, 0), 0),
            (json!({"maxUnavailable": "50%"}), 4, 4, change(-1, -1, 0), 1),
            // An unhealthy pod goes: nothing is lost.
            (json!({"minAvailable": 2}), 4, 3, change(0, -1, 0), 1),
            // Scaled up, and the new pods are not Ready yet.
            (json!({"minAvailable": "50%"}), 2, 2, change(0, 2, 2), 0),
        ] {
            let budget = of(rule.clone(), expected, healthy);
            assert_eq!(budget.allowed_after(change), allowed, "{rule} {healthy} of {expected} {change:?}");
        }
    }

    /// What the disruption controller looks at.
    #[derive(Clone, Debug)]
    struct Observed {
        rule: Value,
        /// Replicas of each controller.
        scales: Vec<i64>,
        /// The controller of each pod, if it has one, and whether the pod is healthy.
        pods: Vec<(Option<usize>, bool)>,
    }

    /// What it writes.
    #[derive(Debug, PartialEq)]
    struct Written {
        expected: i64,
        desired: i64,
        healthy: i64,
        allowed: i64,
    }

    impl Observed {
        /// Scales of the controllers that are found through pods.
        fn scale(&self) -> i64 {
            let has_pod = |index: &usize| self.pods.iter().any(|(owner, _)| *owner == Some(*index));
            (0..self.scales.len()).filter(has_pod).map(|index| self.scales[index]).sum()
        }

        /// As Kubernetes does it, in floating point where that does (`intstr.go`, GetScaledValueFromIntOrPercent).
        fn written(&self) -> Written {
            let of = |field: &str, total: i64| match &self.rule[field] {
                Value::String(share) => {
                    let percent: f64 = share.trim_end_matches('%').parse().unwrap();
                    Some((percent * total as f64 / 100.0).ceil() as i64)
                }
                number => number.as_i64(),
            };
            let scale = self.scale();
            let (expected, desired) = match (of("maxUnavailable", scale), of("minAvailable", scale)) {
                (Some(unavailable), _) => (scale, (scale - unavailable).max(0)),
                (None, Some(available)) if self.rule["minAvailable"].is_number() => {
                    (self.pods.len() as i64, available)
                }
                (None, Some(available)) => (scale, available),
                (None, None) => (0, 0),
            };
            let healthy = self.pods.iter().filter(|(_, healthy)| *healthy).count() as i64;
            let allowed = if expected <= 0 { 0 } else { (healthy - desired).max(0) };
            Written { expected, desired, healthy, allowed }
        }

        /// The budget with the status that its controller writes.
        fn budget(&self) -> DisruptionBudget {
            let Written { expected, desired, healthy, allowed } = self.written();
            budget(
                "s/b",
                json!({"spec": self.rule, "status": {"expectedPods": expected, "desiredHealthy": desired,
                    "currentHealthy": healthy, "disruptionsAllowed": allowed}}),
            )
        }
    }

    fn rules() -> impl Strategy<Value = Value> {
        prop_oneof![
            (0..8i32).prop_map(|n| json!({"minAvailable": n})),
            (0..8i32).prop_map(|n| json!({"maxUnavailable": n})),
            (0..=100u8).prop_map(|n| json!({"minAvailable": format!("{n}%")})),
            (0..=100u8).prop_map(|n| json!({"maxUnavailable": format!("{n}%")})),
        ]
    }

    fn observed() -> impl Strategy<Value = Observed> {
        let pods = prop::collection::vec((prop::option::of(0..3usize), any::<bool>()), 0..9);
        (rules(), prop::collection::vec(0..6i64, 3), pods).prop_map(|(rule, scales, pods)| Observed {
            rule,
            scales,
            pods,
        })
    }

    proptest! {
        #[test]
        fn without_a_change_it_is_what_the_controller_writes(observed in observed()) {
            let (budget, written) = (observed.budget(), observed.written());
            prop_assert_eq!(budget.allowed_after(PodChange::default()), written.allowed, "{:?}", written);
        }

        #[test]
        fn after_a_change_it_is_what_the_controller_would_write(
            before in observed(),
            healed in prop::collection::vec(any::<bool>(), 9),
            gone in prop::collection::vec(any::<bool>(), 9),
            new in prop::collection::vec((prop::option::of(0..3usize), any::<bool>()), 0..4),
            added in 0..3i64,
        ) {
            let mut after = before.clone();
            for (pod, flip) in after.pods.iter_mut().zip(healed) {
                pod.1 ^= flip;
            }
            // Each controller keeps a pod, and so goes on to count.
            let mut at = 0;
            for gone in gone {
                let Some((owner, _)) = after.pods.get(at).copied() else { break };
                let others = after.pods.iter().filter(|(other, _)| *other == owner).count() > 1;
                if gone && (others || owner.is_none()) {
                    after.pods.remove(at);
                } else {
                    at += 1;
                }
            }
            // A controller without a pod would begin to count.
            let counts = |owner: usize| before.pods.iter().any(|(other, _)| *other == Some(owner));
            after.pods.extend(new.into_iter().filter(|(owner, _)| owner.is_none_or(counts)));
            if let Some(owner) = after.pods.iter().find_map(|(owner, _)| *owner) {
                after.scales[owner] += added;
            }
            let healthy = |observed: &Observed| observed.written().healthy;
            let change = PodChange {
                healthy: healthy(&after) - healthy(&before),
                pods: after.pods.len() as i64 - before.pods.len() as i64,
                replicas: after.scale() - before.scale(),
            };
            prop_assert_eq!(before.budget().allowed_after(change), after.written().allowed, "{:?}", after);
        }

        #[test]
        fn so_many_are_needed_and_no_fewer(observed in observed()) {
            let budget = observed.budget();
            let unhealthy = i64::from(budget.expected - budget.healthy);
            let allowed = |healthy| budget.allowed_after(PodChange { healthy, ..PodChange::default() });
            match budget.counted().healthy_needed(unhealthy, 0) {
                Some(needed) => {
                    prop_assert!(allowed(needed) > 0);
                    prop_assert!(needed == 0 || allowed(needed - 1) == 0);
                }
                None => prop_assert_eq!(allowed(unhealthy), 0),
            }
            let scaled_up = |n: i64| {
                budget.allowed_after(PodChange { healthy: unhealthy + n, pods: n, replicas: n })
            };
            match budget.counted().replicas_needed(unhealthy, 0) {
                Some(needed) => {
                    prop_assert!(scaled_up(needed) > 0);
                    prop_assert!((1..needed).all(|fewer| scaled_up(fewer) == 0));
                }
                None => prop_assert!((1..200).all(|n| scaled_up(n) == 0)),
            }
        }
    }
}
