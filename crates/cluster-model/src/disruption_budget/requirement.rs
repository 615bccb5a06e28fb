//! What it takes before a budget that allows no disruption allows one.

use super::what_if::{PodChange, Rule};

/// The pods that a budget selects, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Pods that exist and are not Ready; `None`: they could not be listed.
    pub not_ready: Option<i64>,
    /// Pods that its controllers have yet to create, and that it will select.
    pub to_create: i64,
    /// Its controllers have a scale, and it selects every pod that they create.
    pub grow_with_scale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// So many more of its pods have to be Ready.
    ReadyPods(i64),
    /// So many more replicas, all of them Ready.
    Replicas(i64),
    /// It allows none if all of its pods are Ready, and more replicas do not help.
    OtherRule,
}

/// A rule, and the numbers of the status.
pub(super) struct Counted<'a> {
    pub rule: &'a Rule,
    pub expected: i64,
    pub healthy: i64,
    pub desired: i64,
}

impl Counted<'_> {
    pub fn allowed_after(&self, change: PodChange) -> i64 {
        self.rule.allowed(self.expected, self.healthy, change)
    }

    pub fn requirement(&self, members: Members) -> Requirement {
        let Members { not_ready, to_create, grow_with_scale } = members;
        let to_create = if self.rule.counts_pods() { to_create } else { 0 };
        let may_become_healthy = match not_ready {
            // The scale of its controllers, on which the status is based, includes pods that they have yet to create.
            Some(n) if grow_with_scale && !self.rule.counts_pods() => self.unhealthy().max(n),
            Some(n) => n + to_create,
            None => self.unhealthy() + to_create,
        };
        match self.healthy_needed(may_become_healthy, to_create) {
            Some(n) => Requirement::ReadyPods(n),
            None if grow_with_scale => self
                .replicas_needed(may_become_healthy, to_create)
                .map_or(Requirement::OtherRule, Requirement::Replicas),
            None => Requirement::OtherRule,
        }
    }

    /// Pods that have to become healthy, of those that may; `None` if it allows no disruption when all are.
    pub fn healthy_needed(&self, may_become_healthy: i64, created: i64) -> Option<i64> {
        let all = PodChange { healthy: may_become_healthy, pods: created, replicas: 0 };
        let most = self.allowed_after(all);
        // Each healthy pod more is one disruption more.
        (most > 0).then(|| (may_become_healthy + 1 - most).max(0))
    }

    /// Replicas to add when all that may are healthy; `None` if no number is enough.
    pub fn replicas_needed(&self, may_become_healthy: i64, created: i64) -> Option<i64> {
        let allows = |n: &i64| {
            let healthy = may_become_healthy.saturating_add(*n);
            let change = PodChange { healthy, pods: created.saturating_add(*n), replicas: *n };
            self.allowed_after(change) > 0
        };
        let healthy = self.healthy.saturating_add(may_become_healthy);
        // Of a hundred replicas every share below 100% leaves one.
        let absolute = self.desired + 1 - healthy;
        (1..=100).chain([absolute]).find(allows)
    }

    pub fn unhealthy(&self) -> i64 {
        self.expected - self.healthy
    }
}

#[cfg(test)]
mod tests {
    use super::Requirement::{OtherRule, ReadyPods, Replicas};
    use super::*;
    use crate::disruption_budget::what_if::tests::of;
    use serde_json::json;

    #[test]
    fn pods_that_were_not_listed() {
        let unlisted = Members { grow_with_scale: true, ..Members::default() };
        // (rule, expected, healthy, requirement)
        for (rule, expected, healthy, requirement) in [
            (json!({"minAvailable": 2}), 3, 2, ReadyPods(1)),
            (json!({"minAvailable": 2}), 3, 0, ReadyPods(3)),
            (json!({"minAvailable": 2}), 3, 3, ReadyPods(0)),
            (json!({"minAvailable": 3}), 3, 3, Replicas(1)),
            (json!({"minAvailable": 500}), 3, 3, Replicas(498)),
            (json!({"minAvailable": "50%"}), 1, 1, Replicas(1)),
            (json!({"minAvailable": "51%"}), 1, 1, Replicas(2)),
            (json!({"minAvailable": "99%"}), 1, 1, Replicas(99)),
            (json!({"minAvailable": "100%"}), 3, 3, OtherRule),
            (json!({"maxUnavailable": 0}), 3, 1, OtherRule),
            (json!({"maxUnavailable": 1}), 3, 1, ReadyPods(2)),
            (json!({"maxUnavailable": "0%"}), 3, 3, OtherRule),
            (json!({}), 0, 2, OtherRule),
        ] {
            let budget = of(rule.clone(), expected, healthy);
            assert_eq!(budget.requirement(unlisted), requirement, "{rule} {healthy} of {expected}");
        }
    }

    #[test]
    fn listed_pods() {
        let members = |not_ready, to_create, grow_with_scale| Members {
            not_ready: Some(not_ready),
            to_create,
            grow_with_scale,
        };
        // (rule, expected, healthy, members, requirement)
        for (rule, expected, healthy, members, requirement) in [
            // The first pod of three that a StatefulSet creates one after the other.
            (json!({"minAvailable": 2}), 1, 1, members(0, 2, true), ReadyPods(2)),
            (json!({"minAvailable": 3}), 1, 1, members(0, 2, true), Replicas(1)),
            (json!({"maxUnavailable": 1}), 3, 1, members(0, 2, true), ReadyPods(2)),
            // A terminating pod is counted as expected, and does not become Ready.
            (json!({"minAvailable": 3}), 4, 3, members(0, 0, true), Replicas(1)),
            // Of five replicas it selects two, which someone labelled.
            (json!({"maxUnavailable": 1}), 5, 2, members(0, 0, false), OtherRule),
            (json!({"maxUnavailable": 3}), 5, 1, members(2, 0, false), ReadyPods(2)),
            (json!({"minAvailable": 2}), 2, 2, members(0, 0, false), OtherRule),
            // A pod without a controller is not expected, but counts once it is Ready.
            (json!({"minAvailable": "100%"}), 3, 3, members(1, 0, false), ReadyPods(1)),
            (json!({"minAvailable": "100%"}), 3, 3, members(1, 0, true), ReadyPods(1)),
        ] {
            let budget = of(rule.clone(), expected, healthy);
            assert_eq!(
                budget.requirement(members),
                requirement,
                "{rule} {healthy} of {expected} {members:?}"
            );
        }
    }
}
