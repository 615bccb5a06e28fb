//! All checks, one a file. A check is a function from the snapshot to findings, with what is written about it.

pub mod check;
mod commands;
pub mod crashing;
mod displaced;
pub mod eligible;
pub mod endpoints;
#[cfg(test)]
mod extreme_numbers;
pub mod hc001_ignore;
mod hc101_bare_pod;
mod hc102_dangling_owner;
mod hc103_custom_owner;
mod hc104_orphan_rs;
mod hc105_selector_clash;
mod hc110_effective_policy;
mod hc111_never_pod;
mod hc112_dead_rule;
mod hc201_single_replica;
mod hc202_scaled_to_zero;
mod hc203_no_budget;
mod hc204_budget_blocks;
mod hc205_budget_without_pods;
mod hc206_budgets_overlap;
mod hc207_budget_without_rule;
mod hc208_unhealthy_policy;
mod hc209_budget_without_effect;
mod hc210_autoscaler;
mod hc211_strategy;
pub mod hc212_progress_guard;
mod hc301_no_liveness;
mod hc302_no_readiness;
mod hc303_identical_probes;
mod hc304_liveness_dependencies;
pub mod hc305_slow_start;
pub mod hc306_probe_port;
mod hc307_probe_time_out;
pub mod hc308_pre_stop;
mod hc309_grace_extremes;
mod hc310_ignores_sigterm;
mod hc401_one_node;
mod hc402_one_zone;
mod hc403_spread_deadlock;
mod hc404_pinned;
mod hc405_local_data;
mod hc406_rwo;
mod hc407_rwop;
mod hc408_zonal_pv;
mod hc409_node_loss;
mod hc410_stateful_node_loss;
mod hc411_qos;
mod hc412_priority;
mod hc414_n_minus_one;
mod hc501_missing_reference;
mod hc502_quota;
mod hc503_pod_security;
mod hc504_webhook;
mod hc505_namespace_terminating;
mod hc506_mutable_tag;
mod hc507_image_cached_only;
pub mod hc508_replacement_refused;
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
mod hc611_not_started;
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
pub mod hc805_flapping;
mod hc901_job_failed;
mod hc902_cron_job_late;
mod hc903_no_retry;
pub mod probe;
mod probe_kill;
pub mod service_pods;
pub mod shared_volume;
#[cfg(test)]
pub mod testing;
pub mod waiting;

use crate::finding::{Finding, Unchecked, sort};
use crate::parallel;
use crate::snapshot::Snapshot;

pub use check::{About, Check, Found};

/// Those that say that a new pod is not admitted, or cannot start.
pub const REFUSING: [&str; 6] = ["HC501", "HC502", "HC503", "HC504", "HC505", "HC508"];

pub const CHECKS: &[Check] = &[
    hc001_ignore::CHECK,
    hc101_bare_pod::CHECK,
    hc102_dangling_owner::CHECK,
    hc103_custom_owner::CHECK,
    hc104_orphan_rs::CHECK,
    hc105_selector_clash::CHECK,
    hc110_effective_policy::CHECK,
    hc111_never_pod::CHECK,
    hc112_dead_rule::CHECK,
    hc201_single_replica::CHECK,
    hc202_scaled_to_zero::CHECK,
    hc203_no_budget::CHECK,
    hc204_budget_blocks::CHECK,
    hc205_budget_without_pods::CHECK,
    hc206_budgets_overlap::CHECK,
    hc207_budget_without_rule::CHECK,
    hc208_unhealthy_policy::CHECK,
    hc209_budget_without_effect::CHECK,
    hc210_autoscaler::CHECK,
    hc211_strategy::CHECK,
    hc212_progress_guard::CHECK,
    hc301_no_liveness::CHECK,
    hc302_no_readiness::CHECK,
    hc303_identical_probes::CHECK,
    hc304_liveness_dependencies::CHECK,
    hc305_slow_start::CHECK,
    hc306_probe_port::CHECK,
    hc307_probe_time_out::CHECK,
    hc308_pre_stop::CHECK,
    hc309_grace_extremes::CHECK,
    hc310_ignores_sigterm::CHECK,
    hc401_one_node::CHECK,
    hc402_one_zone::CHECK,
    hc403_spread_deadlock::CHECK,
    hc404_pinned::CHECK,
    hc405_local_data::CHECK,
    hc406_rwo::CHECK,
    hc407_rwop::CHECK,
    hc408_zonal_pv::CHECK,
    hc409_node_loss::CHECK,
    hc410_stateful_node_loss::CHECK,
    hc411_qos::CHECK,
    hc412_priority::CHECK,
    hc414_n_minus_one::CHECK,
    hc501_missing_reference::CHECK,
    hc502_quota::CHECK,
    hc503_pod_security::CHECK,
    hc504_webhook::CHECK,
    hc505_namespace_terminating::CHECK,
    hc506_mutable_tag::CHECK,
    hc507_image_cached_only::CHECK,
    hc508_replacement_refused::CHECK,
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
    hc611_not_started::CHECK,
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
    hc805_flapping::CHECK,
    hc901_job_failed::CHECK,
    hc902_cron_job_late::CHECK,
    hc903_no_retry::CHECK,
];

/// By its id or its name.
pub fn find(word: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|it| it.id.eq_ignore_ascii_case(word) || it.name.eq_ignore_ascii_case(word))
}

/// Of the checks that are `wanted`: what they found, worst first, and which could not run for all. A check that reads a kind that is not
/// known is reported, and most do not run then.
pub fn run(snapshot: &Snapshot, wanted: impl Fn(&Check) -> bool) -> (Vec<Finding>, Vec<Unchecked>) {
    let (mut findings, mut unchecked) = (Vec::new(), Vec::new());
    let applies = |check: &&Check| !snapshot.origin.is_manifests() || check.is_about_manifests();
    let asked: Vec<&'static Check> = CHECKS.iter().filter(|check| wanted(check)).filter(applies).collect();
    for found in parallel::map(&asked, |check| run_one(check, snapshot)) {
        findings.extend(found.findings);
        unchecked.extend(found.unchecked);
    }
    for finding in &mut findings {
        finding.location = snapshot.origin.locations.get(&finding.subject).cloned();
    }
    sort(&mut findings);
    (findings, unchecked)
}

fn run_one(check: &'static Check, snapshot: &Snapshot) -> Found<'static> {
    let mut found = Found::by(check);
    if let Some((read, why)) = snapshot.missing(check.reads) {
        found.unknown(format!("{read}: {why}"));
    }
    let mut missing = check.reads.iter().filter(|read| snapshot.missing(&[**read]).is_some());
    if missing.all(|read| check.finds_without(*read, snapshot)) {
        (check.run)(snapshot, &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::testing::{World, deployment, healthy, owner, pod};
    use super::*;
    use crate::matrix::matrices;
    use crate::snapshot::Read;
    use serde_json::json;
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

    /// A dump of `kubectl get` has no trace of a kind without objects.
    #[test]
    fn a_kind_that_controls_no_pod_keeps_no_check_of_others_from_running() {
        let blocking = || {
            healthy()
                .edit("PodDisruptionBudget/web", json!({"spec": {"maxUnavailable": 0}, "status": {"disruptionsAllowed": 0, "desiredHealthy": 3}}))
                .with(testing::budget("of-nothing", json!({"maxUnavailable": 1})))
                .edit(
                    "PodDisruptionBudget/of-nothing",
                    json!({"spec": {"selector": {"matchLabels": {"app": "nothing"}}}}),
                )
        };
        let found = |world: World| {
            let (findings, unchecked) = run(&world.snapshot(), |check| matches!(check.id, "HC204" | "HC205"));
            (findings.iter().map(|it| it.id).collect::<Vec<_>>(), unchecked.len())
        };
        assert_eq!(found(blocking()), (vec!["HC204", "HC205"], 0));
        let without = blocking().unknown(Read::ReplicationControllers);
        assert_eq!(found(without), (vec!["HC204"], 2), "the other budget may be that of one");
        let mut of_one = pod("old", "web", "n1");
        of_one["metadata"]["ownerReferences"] = json!([owner("v1", "ReplicationController", "old")]);
        let with_pod = blocking().with(of_one).unknown(Read::ReplicationControllers);
        assert_eq!(found(with_pod), (vec![], 2), "it may want pods that the budget counts");
    }

    /// A crash loop of a Deployment is one, whatever is known of StatefulSets; and it is reported that those were not looked at.
    #[test]
    fn what_the_pods_of_one_workload_do_is_found_without_other_kinds() {
        let waiting =
            json!({"ready": false, "state": {"running": null, "waiting": {"reason": "CrashLoopBackOff"}}});
        let looping = healthy().edit("Pod/web-a", testing::container(waiting));
        let found = |world: World| {
            let (findings, unchecked) = run(&world.snapshot(), |check| check.id == "HC601");
            (findings.iter().map(|it| it.subject.to_string()).collect::<Vec<_>>(), unchecked.len())
        };
        assert_eq!(found(looping.clone()), (vec!["deployment/web".to_owned()], 0));
        assert_eq!(
            found(looping.clone().unknown(Read::StatefulSets)),
            (vec!["deployment/web".to_owned()], 1)
        );
        assert_eq!(found(looping.unknown(Read::Pods)), (Vec::new(), 1));
    }

    /// As `kubectl create deployment web --image=x --replicas=3` makes it, in a healthy cluster.
    #[test]
    fn a_deployment_of_defaults_has_no_error() {
        let plain = json!({"metadata": {"labels": {"app": "plain"}}, "spec": {"restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30, "containers": [{"name": "x", "image": "x", "resources": {}}]}});
        let mut deployment = deployment("plain", 3);
        deployment["spec"]["template"] = plain.clone();
        deployment["spec"]["progressDeadlineSeconds"] = json!(600);
        deployment["spec"]["strategy"] =
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
        let mut world = healthy().with(deployment);
        for (n, letter) in ["a", "b", "c"].iter().enumerate() {
            let mut pod = pod(&format!("plain-{letter}"), "plain", &format!("n{}", n + 1));
            pod["metadata"]["ownerReferences"] = json!([owner("apps/v1", "Deployment", "plain")]);
            pod["spec"]["containers"] = plain["spec"]["containers"].clone();
            pod["spec"]["tolerations"] = json!(["not-ready", "unreachable"].map(|it| json!({"key": format!("node.kubernetes.io/{it}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})));
            world = world.with(pod);
        }
        let (findings, unchecked) = run(&world.snapshot(), |_| true);
        let found: Vec<_> = findings.iter().map(|it| (it.id, it.severity.word())).collect();
        let expected = [
            ("HC203", "warning"),
            ("HC506", "warning"),
            ("HC212", "info"),
            ("HC301", "info"),
            ("HC409", "info"),
        ];
        assert_eq!((found.as_slice(), unchecked), (&expected[..], vec![]));
    }

    /// Every finding of a cluster in which all that may be secret in a template is one.
    #[test]
    fn no_finding_shows_an_argument_a_command_or_the_environment() {
        const SECRET: &str = "Zx9SecretValue";
        let probe = json!({"exec": {"command": ["check", SECRET]}, "terminationGracePeriodSeconds": 0});
        let container = json!({"name": "main", "command": ["app", SECRET], "args": [SECRET], "env": [{"name": "KEY", "value": SECRET}],
            "livenessProbe": probe, "readinessProbe": probe,
            "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", format!("sleep 40 {SECRET}")]}}}});
        let spec = json!({"containers": [container]});
        let message = format!("unable to start container process: exec: \"app {SECRET}\": no such file");
        let waits = testing::container(
            json!({"state": {"running": null, "waiting": {"reason": "RunContainerError", "message": message}}}),
        );
        let world = healthy()
            .edit("Deployment/web", json!({"spec": {"replicas": 1, "template": {"spec": spec}}}))
            .with(pod("tool", "tool", "n1"))
            .edit_all("Pod", json!({"spec": spec}))
            .edit_all("Pod", waits)
            .edit_all("Pod", testing::not_ready());
        let snapshot = world.snapshot();
        let findings = run(&snapshot, |_| true).0;
        assert!(findings.iter().any(|it| it.id == "HC605") && findings.iter().any(|it| it.id == "HC303"));
        let shown = serde_json::to_string(&findings).unwrap()
            + &serde_json::to_string(&matrices(&snapshot).into_iter().map(|it| it.1).collect::<Vec<_>>())
                .unwrap();
        assert!(!shown.contains(SECRET), "{shown}");
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
    fn ids_are_unique_and_in_order() {
        let ids: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
        let names: BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), CHECKS.len(), "a name stands for one check (--explain)");
    }
}
