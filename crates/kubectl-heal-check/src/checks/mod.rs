//! All checks, one a file. A check is a function from the snapshot to findings, with what is written about it.

pub mod check;
pub mod crashing;
pub mod eligible;
mod hc101_bare_pod;
mod hc102_dangling_owner;
mod hc105_selector_clash;
mod hc110_effective_policy;
mod hc201_single_replica;
mod hc202_scaled_to_zero;
mod hc203_no_budget;
mod hc204_budget_blocks;
mod hc205_budget_without_pods;
mod hc206_budgets_overlap;
mod hc207_budget_without_rule;
mod hc209_budget_without_effect;
mod hc301_no_liveness;
mod hc302_no_readiness;
mod hc303_identical_probes;
pub mod hc306_probe_port;
pub mod hc308_pre_stop;
mod hc401_one_node;
mod hc402_one_zone;
mod hc404_pinned;
mod hc409_node_loss;
mod hc410_stateful_node_loss;
mod hc601_crash_loop;
mod hc602_out_of_memory;
mod hc604_image_pull;
mod hc605_create_error;
mod hc606_leftovers;
mod hc607_pending;
pub mod hc608_terminating;
mod hc702_progress_deadline;
pub mod hc704_under_replicated;
mod hc706_budget_unhealthy;
mod hc801_node_down;
mod hc803_forgotten_cordon;
pub mod hc804_healer_dead;
pub mod probe;
#[cfg(test)]
pub mod testing;
pub mod waiting;

use crate::finding::{Finding, Unchecked, sort};
use crate::snapshot::Snapshot;

pub use check::{About, Check, Found};

pub const CHECKS: &[Check] = &[
    hc101_bare_pod::CHECK,
    hc102_dangling_owner::CHECK,
    hc105_selector_clash::CHECK,
    hc110_effective_policy::CHECK,
    hc201_single_replica::CHECK,
    hc202_scaled_to_zero::CHECK,
    hc203_no_budget::CHECK,
    hc204_budget_blocks::CHECK,
    hc205_budget_without_pods::CHECK,
    hc206_budgets_overlap::CHECK,
    hc207_budget_without_rule::CHECK,
    hc209_budget_without_effect::CHECK,
    hc301_no_liveness::CHECK,
    hc302_no_readiness::CHECK,
    hc303_identical_probes::CHECK,
    hc306_probe_port::CHECK,
    hc308_pre_stop::CHECK,
    hc401_one_node::CHECK,
    hc402_one_zone::CHECK,
    hc404_pinned::CHECK,
    hc409_node_loss::CHECK,
    hc410_stateful_node_loss::CHECK,
    hc601_crash_loop::CHECK,
    hc602_out_of_memory::CHECK,
    hc604_image_pull::CHECK,
    hc605_create_error::CHECK,
    hc606_leftovers::CHECK,
    hc607_pending::CHECK,
    hc608_terminating::CHECK,
    hc702_progress_deadline::CHECK,
    hc704_under_replicated::CHECK,
    hc706_budget_unhealthy::CHECK,
    hc801_node_down::CHECK,
    hc803_forgotten_cordon::CHECK,
    hc804_healer_dead::CHECK,
];

pub fn find(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id.eq_ignore_ascii_case(id))
}

/// Of the checks that are `wanted`: what they found, worst first, and which could not run. A check that reads a kind that is not known
/// never runs.
pub fn run(snapshot: &Snapshot, wanted: impl Fn(&Check) -> bool) -> (Vec<Finding>, Vec<Unchecked>) {
    let (mut findings, mut unchecked) = (Vec::new(), Vec::new());
    let applies = |check: &&Check| !snapshot.origin.is_manifests() || check.is_about_manifests();
    for check in CHECKS.iter().filter(|check| wanted(check)).filter(applies) {
        if let Some((read, why)) = snapshot.missing(check.reads) {
            unchecked.push(Unchecked { id: check.id.to_owned(), reason: format!("{read}: {why}") });
            continue;
        }
        let mut found = Found::by(check);
        (check.run)(snapshot, &mut found);
        findings.extend(found.findings);
        unchecked.extend(found.unchecked);
    }
    for finding in &mut findings {
        finding.location = snapshot.origin.locations.get(&finding.subject).cloned();
    }
    sort(&mut findings);
    (findings, unchecked)
}

#[cfg(test)]
mod tests {
    use super::testing::healthy;
    use super::*;
    use crate::snapshot::Read;
    use std::collections::BTreeSet;

    #[test]
    fn a_healthy_cluster_has_no_findings() {
        assert_eq!(run(&healthy().snapshot(), |_| true), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_check_whose_kind_is_unknown_is_reported_and_never_silent() {
        for read in Read::ALL {
            let (_, unchecked) = run(&healthy().unknown(read).snapshot(), |_| true);
            let reported: BTreeSet<&str> = unchecked.iter().map(|it| it.id.as_str()).collect();
            let reading = CHECKS.iter().filter(|check| check.reads.contains(&read)).map(|check| check.id);
            assert_eq!(reported, reading.collect(), "{read}");
        }
    }

    #[test]
    fn ids_are_unique_and_in_order() {
        let ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    }
}
