//! What could go wrong, found before anything is written. A check is a pure function from a case to findings;
//! each id has a row in docs/rollback-to.md. An error is only what would make the rollback fail, or cut traffic, for certain.

mod admission;
mod autoscaler;
pub mod capacity;
mod deletion;
mod drift;
mod last_applied;
mod owners;
mod ownership;
mod pace;
mod quota;
mod references;
mod selectors;
pub mod services;
mod strategy;
mod target;
#[cfg(test)]
mod testing;

use cluster_model::finding::sort;
use cluster_model::rollout::Rollout;
use cluster_model::{Finding, Known, Severity};
use serde_json::Value;

use crate::choose::{Past, Target};
use crate::options::Options;
use crate::resume_command::{GoOn, go_on};
use crate::snapshot::{ServerDryRun, Snapshot, Surroundings};

/// One workload and where it would go.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    pub snapshot: &'a Snapshot,
    pub past: Past<'a>,
    pub target: &'a Target,
    pub dry_run: &'a ServerDryRun,
    pub options: &'a Options,
}

impl<'a> Case<'a> {
    pub fn rollout(&self) -> &'a Rollout {
        self.past.rollout
    }

    /// The template as the server would keep it; the planned one if the server refuses it.
    fn template(&self) -> &'a Value {
        self.dry_run.workload.as_ref().map_or(&self.target.template, |object| &object["spec"]["template"])
    }

    fn around(&self) -> Option<&'a Surroundings> {
        self.snapshot.around.get(&self.rollout().id.namespace)
    }

    /// What lets its rollout go on, once it is written.
    fn go_on(&self) -> GoOn<'a> {
        go_on(self.snapshot.owners.get(&self.rollout().id.uid).map(Vec::as_slice))
    }

    /// About the workload itself.
    fn finding(&self, id: &'static str, severity: Severity, message: impl Into<String>) -> Finding {
        Finding::new(id, severity, self.rollout().id.to_string(), message)
    }

    /// What these objects of the namespace are, or the finding that they could not be read.
    fn seen(&self, what: &str, of: fn(&Surroundings) -> &Known<Vec<Value>>) -> Result<&'a [Value], Finding> {
        let why = match self.around().map(of) {
            Some(Known::Seen(list)) => return Ok(list),
            Some(Known::Unknown(why)) => why.as_str(),
            None => "not read",
        };
        let message = format!("could not be checked against {what}: {why}");
        Err(self.finding(SURROUNDINGS_NOT_CHECKED, Severity::Unknown, message))
    }
}

pub type Check = fn(&Case<'_>) -> Vec<Finding>;

/// Every check with the ids it can report.
pub const CHECKS: &[(&[&str], Check)] = &[
    (&["template-refused", "template-not-checked", "template-mutated"], admission::template),
    (&["pod-not-admitted", "admission-not-checked"], admission::pod),
    (
        &[
            "reference-missing",
            "reference-key-missing",
            "reference-not-checked",
            "pull-secret-missing",
            "storage-class-missing",
        ],
        references::check,
    ),
    (&["volume-claim-unusable", "volume-claim-unbound"], references::claims),
    (&["config-changed-since"], drift::check),
    (&["quota-no-room", "quota-slows-down"], quota::check),
    (&["capacity-predicted", "capacity-not-checked"], capacity::check),
    (&["service-loses-endpoints", "service-loses-these-pods", "named-port-disappears"], services::check),
    (
        &["network-policy-selection-changes", "budget-selection-changes", "budget-does-not-protect"],
        selectors::check,
    ),
    (&["autoscaler-loses-metric", "replicas-not-restored"], autoscaler::check),
    (&["being-deleted"], deletion::check),
    (
        &["paused", "on-delete", "partition-holds-back", "recreate-downtime", "statefulset-stuck"],
        strategy::check,
    ),
    (&["owner-reverts", "owner-may-revert", "owner-out-of-date", "owner-not-checked"], owners::check),
    (&["ownership-moves", "ownership-not-checked"], ownership::check),
    (&["last-applied-stale"], last_applied::check),
    (
        &["target-never-healthy", "restart-only", "image-mutable", "history-limited", "reason-looks-secret"],
        target::check,
    ),
];

/// Reported by whichever check could not see what is around.
pub const SURROUNDINGS_NOT_CHECKED: &str = "surroundings-not-checked";
/// Reported by the rights check, which queries the server, not the snapshot.
pub const RIGHTS_MISSING: &str = "rights-missing";
pub const RIGHTS_NOT_CHECKED: &str = "rights-not-checked";
pub const RIGHTS_LIMITED: &str = "rights-limited";

/// All ids that `--allow` may name.
pub fn ids() -> impl Iterator<Item = &'static str> + Clone {
    let others = [SURROUNDINGS_NOT_CHECKED, RIGHTS_MISSING, RIGHTS_NOT_CHECKED, RIGHTS_LIMITED];
    CHECKS.iter().flat_map(|(ids, _)| ids.iter().copied()).chain(others)
}

/// Runs every check; worst findings first.
pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = CHECKS.iter().flat_map(|(_, check)| check(case)).collect();
    sort(&mut findings);
    findings
}

/// Where the template is there already, and only its pods are looked after.
pub fn check_unchanged(case: &Case<'_>) -> Vec<Finding> {
    deletion::check(case)
}

#[cfg(test)]
mod tests {
    use super::testing::Fixture;
    use super::*;
    use cluster_model::rollout::Kind;

    #[test]
    fn ids_are_unique() {
        let mut all: Vec<_> = ids().collect();
        let before = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), before);
    }

    #[test]
    fn a_good_case_has_no_findings() {
        for kind in Kind::ALL {
            assert_eq!(Fixture::of(kind).found(), [], "{kind:?}");
        }
    }

    #[test]
    fn worst_come_first() {
        let mut fixture = Fixture::of(Kind::Deployment).live(serde_json::json!({"spec": {"paused": true}}));
        fixture.snapshot.nodes = Known::Unknown("forbidden".into());
        fixture.snapshot.around.clear();
        let found = fixture.found();
        assert!(found.len() > 3 && found.is_sorted_by_key(|f| std::cmp::Reverse(f.severity)), "{found:?}");
    }

    #[test]
    fn every_check_reports_only_what_it_lists() {
        let mut fixture = Fixture::of(Kind::StatefulSet);
        fixture.snapshot =
            Snapshot { rollouts: fixture.snapshot.rollouts, ..Snapshot::empty(testing::now()) };
        let case = fixture.case();
        for (listed, check) in CHECKS {
            for found in check(&case) {
                assert!(listed.contains(&found.id) || found.id == SURROUNDINGS_NOT_CHECKED, "{found:?}");
            }
        }
    }
}
