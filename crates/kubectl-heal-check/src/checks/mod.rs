//! All checks, one a file. A check is a function from the snapshot to findings, with what is written about it.

pub mod check;
pub mod crashing;
mod eligible;
mod endpoints;
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
mod hc304_liveness_dependencies;
pub mod hc306_probe_port;
mod hc307_probe_time_out;
mod hc308_pre_stop;
mod hc401_one_node;
mod hc402_one_zone;
mod hc404_pinned;
mod hc409_node_loss;
mod hc410_stateful_node_loss;
mod hc501_missing_reference;
mod hc502_quota;
mod hc503_pod_security;
mod hc504_webhook;
mod hc505_namespace_terminating;
mod hc506_mutable_tag;
mod hc507_image_cached_only;
mod hc509_service_empty;
mod hc510_slice_drift;
mod hc601_crash_loop;
mod hc602_out_of_memory;
mod hc603_liveness_kill;
mod hc604_image_pull;
mod hc605_create_error;
mod hc606_leftovers;
mod hc607_pending;
pub mod hc608_terminating;
mod hc609_not_ready;
mod hc610_healed;
mod hc701_create_failed;
mod hc702_progress_deadline;
mod hc703_controller_lag;
pub mod hc704_under_replicated;
mod hc705_stateful_set_blocked;
mod hc706_budget_unhealthy;
mod hc707_daemon_set_missing;
mod hc708_paused;
mod hc801_node_down;
mod hc802_node_pressure;
mod hc803_forgotten_cordon;
pub mod hc804_healer_dead;
mod hc901_job_failed;
mod hc902_cron_job_late;
mod hc903_no_retry;
mod probe;
mod probe_kill;
mod service_pods;
#[cfg(test)]
pub mod testing;
pub mod waiting;

use crate::finding::{Finding, Unchecked, sort};
use crate::snapshot::{Read, Snapshot};
use std::collections::BTreeSet;

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
    hc304_liveness_dependencies::CHECK,
    hc306_probe_port::CHECK,
    hc307_probe_time_out::CHECK,
    hc308_pre_stop::CHECK,
    hc401_one_node::CHECK,
    hc402_one_zone::CHECK,
    hc404_pinned::CHECK,
    hc409_node_loss::CHECK,
    hc410_stateful_node_loss::CHECK,
    hc501_missing_reference::CHECK,
    hc502_quota::CHECK,
    hc503_pod_security::CHECK,
    hc504_webhook::CHECK,
    hc505_namespace_terminating::CHECK,
    hc506_mutable_tag::CHECK,
    hc507_image_cached_only::CHECK,
    hc509_service_empty::CHECK,
    hc510_slice_drift::CHECK,
    hc601_crash_loop::CHECK,
    hc602_out_of_memory::CHECK,
    hc603_liveness_kill::CHECK,
    hc604_image_pull::CHECK,
    hc605_create_error::CHECK,
    hc606_leftovers::CHECK,
    hc607_pending::CHECK,
    hc608_terminating::CHECK,
    hc609_not_ready::CHECK,
    hc610_healed::CHECK,
    hc701_create_failed::CHECK,
    hc702_progress_deadline::CHECK,
    hc703_controller_lag::CHECK,
    hc704_under_replicated::CHECK,
    hc705_stateful_set_blocked::CHECK,
    hc706_budget_unhealthy::CHECK,
    hc707_daemon_set_missing::CHECK,
    hc708_paused::CHECK,
    hc801_node_down::CHECK,
    hc802_node_pressure::CHECK,
    hc803_forgotten_cordon::CHECK,
    hc804_healer_dead::CHECK,
    hc901_job_failed::CHECK,
    hc902_cron_job_late::CHECK,
    hc903_no_retry::CHECK,
];

pub fn find(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id.eq_ignore_ascii_case(id))
}

/// The kinds that they read.
pub fn reads(wanted: impl Fn(&Check) -> bool) -> BTreeSet<Read> {
    CHECKS.iter().filter(|check| wanted(check)).flat_map(|check| check.reads).copied().collect()
}

/// Of the checks that are `wanted`: what they found, worst first, and which could not run. A check that reads a kind that is not known
/// never runs.
pub fn run(snapshot: &Snapshot, wanted: impl Fn(&Check) -> bool) -> (Vec<Finding>, Vec<Unchecked>) {
    let (mut findings, mut unchecked) = (Vec::new(), Vec::new());
    for check in CHECKS.iter().filter(|check| wanted(check)) {
        if let Some((read, why)) = snapshot.missing(check.reads) {
            unchecked.push(Unchecked { id: check.id.to_owned(), reason: format!("{read}: {why}") });
            continue;
        }
        let mut found = Found::by(check);
        (check.run)(snapshot, &mut found);
        findings.extend(found.findings);
        unchecked.extend(found.unchecked);
    }
    sort(&mut findings);
    (findings, unchecked)
}

#[cfg(test)]
mod tests {
    use super::testing::healthy;
    use super::*;

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
    fn fields_of_newer_servers_change_nothing() {
        let mut world = healthy();
        for kind in ["Pod", "Node", "Deployment", "PodDisruptionBudget", "Service", "EndpointSlice"] {
            let newer = serde_json::json!({"newer": {"a": 1}});
            world = world.edit_all(kind, serde_json::json!({"spec": newer, "status": newer, "newer": true}));
        }
        assert_eq!(run(&world.snapshot(), |_| true), (Vec::new(), Vec::new()), "G8");
    }

    #[test]
    fn only_what_a_check_that_runs_reads_is_read() {
        assert!(reads(|_| true).contains(&Read::Events));
        let without = reads(|check| !check.reads.contains(&Read::Events));
        assert!(!without.contains(&Read::Events) && without.contains(&Read::Quotas));
        assert!(!reads(|_| true).contains(&Read::Secrets), "only on demand");
    }

    #[test]
    fn ids_are_unique_and_in_order() {
        let ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    }
}
