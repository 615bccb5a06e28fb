//! Disruption budgets over the evicted pods: which one blocks, why, and what would allow the eviction.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::disruption_budget::{Members, Requirement, Rule};
use cluster_model::owner_graph::ControllerState;
use cluster_model::pod::issue::not_ready_reason;
use cluster_model::text::count;
use cluster_model::workload::OwnerKey;
use cluster_model::{BudgetStatus, DisruptionBudget, Finding, Inventory, Known, PodExt, Severity};
use k8s_openapi::api::core::v1::Pod;

use crate::options::Options;
use crate::pod_filter::pods_to_evict;

pub fn check(inventory: &Inventory, options: &Options) -> Vec<Finding> {
    if let Known::Unknown(why) = &inventory.budgets {
        return vec![
            Finding::new(
                "budgets-not-checked",
                Severity::Unknown,
                "disruption budgets",
                format!("could not be read: {why}"),
            )
            .remedy("the API server still enforces them; blocked evictions cannot be predicted"),
        ];
    }
    let mut findings = Vec::new();
    let mut here: BTreeMap<&str, (&DisruptionBudget, Vec<&Pod>)> = BTreeMap::new();
    for pod in pods_to_evict(inventory, options).filter(|p| !p.is_pending() && !p.is_finished()) {
        let budgets = inventory.budgets_of(pod);
        if budgets.len() > 1 && !options.disable_eviction {
            let names: Vec<_> = budgets.iter().map(|b| b.key()).collect();
            findings.push(
                Finding::new(
                    "pod-in-several-budgets",
                    Severity::Error,
                    pod.key(),
                    format!(
                        "is selected by {}: {}; the API server refuses to evict it",
                        count(budgets.len(), "PDB"),
                        names.join(", ")
                    ),
                )
                .remedy("narrow the selectors so that only one PDB selects it"),
            );
            continue;
        }
        for budget in budgets {
            here.entry(budget.key()).or_insert((budget, Vec::new())).1.push(pod);
        }
    }
    if options.disable_eviction {
        findings.extend(here.values().map(|(budget, pods)| bypassed(budget, pods)));
        return findings;
    }
    for (budget, pods) in here.values() {
        let counted: Vec<&Pod> = pods.iter().filter(|p| budget.counts(p)).copied().collect();
        if !counted.is_empty() {
            findings.extend(stands_in_the_way(budget, &counted, inventory));
        }
    }
    findings
}

fn bypassed(budget: &DisruptionBudget, pods: &[&Pod]) -> Finding {
    Finding::new(
        "budgets-bypassed",
        Severity::Warning,
        budget.key(),
        format!("is bypassed for {}: --disable-eviction deletes them directly", count(pods.len(), "pod")),
    )
    .remedy("omit --disable-eviction to respect the PDB")
}

fn stands_in_the_way(budget: &DisruptionBudget, counted: &[&Pod], inventory: &Inventory) -> Vec<Finding> {
    let (rule, expected) = (budget.rule(), budget.expected);
    let finding = |id, severity, message: String| Finding::new(id, severity, budget.key(), message);
    match *budget.status() {
        BudgetStatus::Stale => vec![
            finding(
                "budget-stale",
                Severity::Warning,
                "has just changed and its status is not up to date".into(),
            )
            .remedy("retry in a moment"),
        ],
        BudgetStatus::SyncFailed(ref why) => vec![
            finding(
                "budget-sync-failed",
                Severity::Error,
                format!("failed to sync and allows no disruptions: {why}"),
            )
            .remedy("fix the PDB's selector, or the owner of its pods"),
        ],
        BudgetStatus::Blocked if *rule == Rule::None => vec![
            finding(
                "budget-blocked",
                Severity::Error,
                "can never allow an eviction: it has neither minAvailable nor maxUnavailable".to_owned(),
            )
            .remedy("set one of them, or delete the PDB"),
        ],
        BudgetStatus::Blocked if expected == 0 => vec![
            finding(
                "budget-blocked",
                Severity::Error,
                format!(
                    "can never allow an eviction: {rule} needs pods with a controller, and none have one"
                ),
            )
            .remedy("give it an integer minAvailable, or give its pods a controller"),
        ],
        BudgetStatus::Blocked | BudgetStatus::Exhausted => {
            let first = allows_none(budget, counted, inventory);
            std::iter::once(first).chain(unhealthy(budget, inventory)).collect()
        }
        BudgetStatus::Allows(n) => {
            let disruptions = count(usize::try_from(n).unwrap_or_default(), "disruption");
            let exceeds = |pods: usize| usize::try_from(n).is_ok_and(|n| n < pods);
            // Each of them uses up one for good.
            let unreplaced = counted.iter().filter(|pod| !inventory.has_controller(pod)).count();
            if exceeds(unreplaced) {
                let message = format!(
                    "allows {disruptions}, and {} without a controller to evict: they are not recreated, so the rest stays",
                    count(unreplaced, "pod")
                );
                return vec![
                    finding("budget-blocked", Severity::Error, message)
                        .remedy("relax the PDB for the drain, or delete those pods yourself"),
                ];
            }
            let paces = || {
                let pods = count(counted.len(), "pod");
                finding(
                    "budget-paces",
                    Severity::Info,
                    format!("allows {disruptions} at a time; {pods} are evicted in turn"),
                )
            };
            exceeds(counted.len()).then(paces).into_iter().collect()
        }
    }
}

/// What it takes before a budget that allows nothing now allows an eviction.
fn allows_none(budget: &DisruptionBudget, counted: &[&Pod], inventory: &Inventory) -> Finding {
    let (rule, healthy, desired, expected) = (budget.rule(), budget.healthy, budget.desired, budget.expected);
    let (members, with_scale) = members(budget, inventory);
    let remedy = match budget.requirement(members) {
        Requirement::ReadyPods(n) => {
            // Pods that are not Ready may go as soon as enough others are (eviction.go, IfHealthyBudget).
            let n = if counted.iter().any(|pod| pod.is_ready()) { n } else { (n - 1).max(1) };
            let more = if n > 1 { format!("{n} more pods") } else { "another pod".to_owned() };
            let verb = if n > 1 { "are" } else { "is" };
            let message =
                format!("allows 0 disruptions now: needs {desired} healthy, has {healthy} of {expected}");
            return Finding::new("budget-exhausted", Severity::Warning, budget.key(), message)
                .remedy(format!("the drain waits until {more} of this PDB {verb} Ready"));
        }
        Requirement::Replicas(1) => "add a replica, or relax the PDB for the drain".to_owned(),
        Requirement::Replicas(n) => format!("add {n} replicas, or relax the PDB for the drain"),
        Requirement::OtherRule if members.grow_with_scale => {
            "relax the PDB for the drain; no number of replicas is enough for it".to_owned()
        }
        Requirement::OtherRule => match with_scale.first() {
            Some(controller) => format!(
                "relax the PDB for the drain; replicas that are added to {} do not have the labels it selects",
                controller.short_label()
            ),
            None => "relax the PDB for the drain".to_owned(),
        },
    };
    let selected = members.not_ready.map(|n| n + i64::from(healthy));
    let only = match selected.filter(|n| !members.grow_with_scale && *n < expected.into()) {
        Some(n) => format!(", and it selects only {n} of them"),
        None => String::new(),
    };
    let message = format!(
        "allows no eviction, even with all its pods healthy: {rule} requires {desired} healthy of {expected}{only}"
    );
    Finding::new("budget-blocked", Severity::Error, budget.key(), message).remedy(remedy)
}

/// What is known of the pods of a budget, and the controllers with a scale that have pods of it here.
fn members(budget: &DisruptionBudget, inventory: &Inventory) -> (Members, BTreeSet<OwnerKey>) {
    let mut with_scale = BTreeSet::new();
    let mut members = Members {
        not_ready: inventory
            .not_ready_members
            .get(budget.key())
            .map(|pods| i64::try_from(pods.len()).unwrap_or(i64::MAX)),
        ..Members::default()
    };
    for controller in inventory.members(budget).filter_map(|pod| inventory.controller_of(pod)) {
        let ControllerState::Exists(workload) = controller.state else { continue };
        let Some(desired) = workload.desired else { continue };
        if with_scale.insert(controller.key) && budget.selects_labels(&workload.pod_labels) {
            members.grow_with_scale = true;
            members.to_create += i64::from(desired.saturating_sub(workload.current).max(0));
        }
    }
    (members, with_scale)
}

/// Pods that count against the budget without being drained: with one of them fixed the budget allows an eviction.
fn unhealthy(budget: &DisruptionBudget, inventory: &Inventory) -> Option<Finding> {
    let listed = inventory.not_ready_members.get(budget.key());
    let here = inventory.members(budget).filter(|_| listed.is_none());
    let unhealthy = unhealthy_pods(budget, here.chain(listed.into_iter().flatten()))?;
    Some(
        Finding::new(
            "budget-unhealthy-pods",
            Severity::Warning,
            budget.key(),
            format!("has unhealthy pods: {unhealthy}"),
        )
        .remedy("fix that pod, or set the PDB's unhealthyPodEvictionPolicy to AlwaysAllow"),
    )
}

/// The budget's pods that are not Ready, with the reason and the node.
pub fn unhealthy_pods<'a>(budget: &DisruptionBudget, pods: impl Iterator<Item = &'a Pod>) -> Option<String> {
    let unhealthy: Vec<String> = pods
        .filter(|p| budget.selects(p) && !p.is_terminating())
        .filter_map(|p| Some(format!("{} ({}{})", p.key(), not_ready_reason(p)?, place(p))))
        .collect();
    let (first, rest) = unhealthy.split_first()?;
    Some(if rest.is_empty() { first.clone() } else { format!("{first} and {} more", rest.len()) })
}

fn place(pod: &Pod) -> String {
    if pod.node().is_empty() { ", on no node".into() } else { format!(", on {}", pod.node()) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::options::Options;
    use std::collections::BTreeMap;

    use cluster_model::build::{PodBuild, budget, pod};
    use cluster_model::workload::Workload;
    use cluster_model::{DisruptionBudget, Inventory, Known, Severity};
    use k8s_openapi::api::core::v1::Pod;
    use k8s_openapi::api::policy::v1::PodDisruptionBudget;
    use serde_json::{Value, json};

    fn web(name: &str) -> Pod {
        pod(&format!("shop/{name}"), "n1").label("app", "web")
    }

    fn under(status: Value, pods: Vec<Pod>) -> Inventory {
        let mut inventory = inventory_of(pods);
        inventory.budgets = Known::Seen(vec![budget("shop/web", json!({"status": status}))].into());
        inventory
    }

    fn status(allowed: i32, healthy: i32, desired: i32, expected: i32) -> Value {
        json!({"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected})
    }

    #[test]
    fn each_standing_has_its_finding() {
        let free = under(status(1, 3, 2, 3), vec![web("web-1")]);
        let cases = [
            ("budget-blocked", Severity::Error, status(0, 3, 3, 3)),
            ("budget-blocked", Severity::Error, status(0, 0, 0, 0)),
            ("budget-exhausted", Severity::Warning, status(0, 2, 2, 3)),
            ("budget-stale", Severity::Warning, json!({"observedGeneration": 0})),
            (
                "budget-sync-failed",
                Severity::Error,
                json!({"conditions": [{"type": "DisruptionAllowed", "status": "False",
                "reason": "SyncFailed", "message": "no scale", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}),
            ),
        ];
        for (id, severity, status) in cases {
            fires(id, severity, &under(status, vec![web("web-1")]), &free);
        }
        let two = vec![web("web-1"), web("web-2")];
        fires(
            "budget-paces",
            Severity::Info,
            &under(status(1, 3, 2, 3), two.clone()),
            &under(status(2, 4, 2, 4), two),
        );
    }

    #[test]
    fn the_remedy_is_one_that_helps() {
        let remedy = |rule: Value, status: Value| {
            let mut inventory = inventory_of(vec![web("web-1")]);
            inventory.budgets =
                Known::Seen(vec![budget("shop/web", json!({"spec": rule, "status": status}))].into());
            super::check(&inventory, &Options::default())[0].remedy.clone()
        };
        for (rule, status, expected) in [
            (json!({"minAvailable": 3}), status(0, 3, 3, 3), "add a replica, or relax the PDB for the drain"),
            (
                json!({"minAvailable": "51%"}),
                status(0, 1, 1, 1),
                "add 2 replicas, or relax the PDB for the drain",
            ),
            (
                json!({"maxUnavailable": 0}),
                status(0, 3, 3, 3),
                "relax the PDB for the drain; no number of replicas is enough for it",
            ),
            (
                json!({"maxUnavailable": 1}),
                status(0, 2, 2, 3),
                "the drain waits until another pod of this PDB is Ready",
            ),
            (
                json!({"maxUnavailable": 1}),
                status(0, 1, 2, 3),
                "the drain waits until 2 more pods of this PDB are Ready",
            ),
            (
                json!({"maxUnavailable": "10%"}),
                status(0, 0, 0, 0),
                "give it an integer minAvailable, or give its pods a controller",
            ),
        ] {
            assert_eq!(remedy(rule.clone(), status.clone()), expected, "{rule} {status}");
        }
    }

    /// The first finding of the budget: its id, message and remedy.
    fn first(inventory: &Inventory) -> (&'static str, String, String) {
        let found = super::check(inventory, &Options::default()).remove(0);
        (found.id, found.message, found.remedy)
    }

    /// A budget over `web-1`, whose controller is this one, and these pods that are not Ready.
    fn owned_by(controller: Workload, not_ready: Vec<Pod>, rule: Value, status: Value) -> Inventory {
        let mut inventory = inventory_of(vec![web("web-1")]);
        let key = inventory.controller_of(&inventory.pods[0]).unwrap().key;
        inventory.owners.insert(key, Known::Seen(Some(controller)));
        inventory.not_ready_members.insert("shop/web".into(), not_ready);
        inventory.budgets =
            Known::Seen(vec![budget("shop/web", json!({"spec": rule, "status": status}))].into());
        inventory
    }

    fn scaled_to(desired: i32, current: i32) -> Workload {
        let pod_labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        Workload { desired: Some(desired), current, ready: current, pod_labels, ..Workload::default() }
    }

    #[test]
    fn pods_that_are_yet_to_be_created_may_satisfy_it() {
        let rule = || json!({"minAvailable": 2});
        let starting = owned_by(scaled_to(4, 2), vec![], rule(), status(0, 2, 2, 2));
        assert_eq!(first(&starting).0, "budget-exhausted", "{:?}", first(&starting));
        assert_eq!(first(&starting).2, "the drain waits until another pod of this PDB is Ready");
        let complete = owned_by(scaled_to(2, 2), vec![], rule(), status(0, 2, 2, 2));
        assert_eq!(first(&complete).0, "budget-blocked");
        assert_eq!(first(&complete).2, "add a replica, or relax the PDB for the drain");
    }

    #[test]
    fn replicas_that_it_does_not_select_do_not_help() {
        let unlabelled = || Workload { pod_labels: BTreeMap::new(), ..scaled_to(5, 5) };
        let relax = "relax the PDB for the drain; replicas that are added to ReplicaSet rs do not have the labels it selects";
        let two_of_five = || status(0, 2, 4, 5);
        let rule = || json!({"maxUnavailable": 1});
        let (id, message, remedy) = first(&owned_by(unlabelled(), vec![], rule(), two_of_five()));
        assert_eq!((id, remedy.as_str()), ("budget-blocked", relax));
        assert_eq!(
            message,
            "allows no eviction, even with all its pods healthy: maxUnavailable 1 requires 4 healthy of 5, and it selects only 2 of them"
        );
        let (id, _, remedy) =
            first(&owned_by(unlabelled(), vec![], json!({"minAvailable": 2}), status(0, 2, 2, 2)));
        assert_eq!((id, remedy.as_str()), ("budget-blocked", relax));
        // All of its pods are selected, and some are still to become Ready.
        assert_eq!(first(&owned_by(scaled_to(5, 5), vec![], rule(), two_of_five())).0, "budget-exhausted");
    }

    #[test]
    fn pods_that_cannot_be_scaled_get_no_advice_to_scale() {
        let mut inventory = under(status(0, 1, 1, 1), vec![web("web-1").bare()]);
        inventory.not_ready_members.insert("shop/web".into(), vec![]);
        assert_eq!(first(&inventory).2, "relax the PDB for the drain");
        // One that is not Ready yet counts once it is, though no controller expects it.
        let starting = web("web-2").bare().waiting("ContainerCreating");
        let all = json!({"minAvailable": "100%"});
        let inventory = owned_by(scaled_to(3, 3), vec![starting], all, status(0, 3, 3, 3));
        assert_eq!(first(&inventory).0, "budget-exhausted", "{:?}", first(&inventory));
    }

    #[test]
    fn pods_that_are_not_recreated_use_up_the_disruptions() {
        let bare = |n: usize| (0..n).map(|i| web(&format!("web-{i}")).bare()).collect::<Vec<_>>();
        let blocked = under(status(1, 3, 2, 3), bare(3));
        fires("budget-blocked", Severity::Error, &blocked, &under(status(1, 2, 1, 2), bare(1)));
        let owned: Vec<Pod> = (0..3).map(|i| web(&format!("web-{i}"))).collect();
        fires("budget-paces", Severity::Info, &under(status(1, 3, 2, 3), owned), &blocked);
    }

    #[test]
    fn pods_that_are_not_ready_may_go_once_the_others_satisfy_it() {
        let waits = |pods: Vec<Pod>| first(&under(status(0, 0, 1, 3), pods)).2;
        let crashing = || web("web-1").waiting("CrashLoopBackOff");
        assert_eq!(waits(vec![crashing()]), "the drain waits until another pod of this PDB is Ready");
        let both = waits(vec![crashing(), web("web-2")]);
        assert_eq!(both, "the drain waits until 2 more pods of this PDB are Ready");
    }

    #[test]
    fn a_budget_without_a_rule_allows_nothing() {
        let mut inventory = inventory_of(vec![web("web-1")]);
        let object = json!({"metadata": {"namespace": "shop", "name": "web"}, "spec": {"selector": {}},
            "status": status(0, 1, 0, 0)});
        let object: PodDisruptionBudget = serde_json::from_value(object).unwrap();
        inventory.budgets = Known::Seen(vec![DisruptionBudget::from(object)].into());
        let found = super::check(&inventory, &Options::default());
        assert_eq!(found[0].id, "budget-blocked");
        assert!(found[0].message.contains("neither minAvailable nor maxUnavailable"), "{found:?}");
    }

    #[test]
    fn unhealthy_pods_that_consume_the_budget_are_named() {
        let good = under(status(0, 2, 2, 3), vec![web("web-1")]);
        let mut bad = good.clone();
        let unhealthy = pod("shop/web-9", "n2").label("app", "web").waiting("ImagePullBackOff");
        bad.not_ready_members.insert("shop/web".into(), vec![unhealthy]);
        fires("budget-unhealthy-pods", Severity::Warning, &bad, &good);
        let message = super::check(&bad, &Options::default())
            .into_iter()
            .find(|f| f.id == "budget-unhealthy-pods")
            .unwrap()
            .message;
        assert_eq!(message, "has unhealthy pods: shop/web-9 (ImagePullBackOff, on n2)");
    }

    #[test]
    fn a_crashing_pod_the_policy_lets_go_is_not_blocked() {
        let crashing = || vec![web("web-1").waiting("CrashLoopBackOff")];
        let blocked = under(status(0, 1, 2, 2), crashing());
        let mut open = blocked.clone();
        open.budgets = Known::Seen(
            vec![budget(
                "shop/web",
                json!({"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}, "status": status(0, 1, 2, 2)}),
            )]
            .into(),
        );
        fires("budget-blocked", Severity::Error, &blocked, &open);
    }

    #[test]
    fn two_budgets_on_a_pod_are_both_named() {
        let one = under(status(1, 3, 2, 3), vec![web("web-1")]);
        let mut two = one.clone();
        two.budgets = Known::Seen(
            vec![
                budget("shop/web", json!({"status": status(1, 3, 2, 3)})),
                budget(
                    "shop/all",
                    json!({"spec": {"selector": {"matchLabels": null}}, "status": status(1, 3, 2, 3)}),
                ),
            ]
            .into(),
        );
        fires("pod-in-several-budgets", Severity::Error, &two, &one);
        let message = &super::check(&two, &Options::default())[0].message;
        assert!(message.contains("shop/web") && message.contains("shop/all"), "{message}");
    }

    #[test]
    fn disabled_eviction_names_the_budgets_it_bypasses() {
        let delete = Options { disable_eviction: true, ..Options::default() };
        let bad = under(status(0, 3, 3, 3), vec![web("web-1")]);
        let good = under(status(0, 3, 3, 3), vec![web("web-1").phase("Succeeded")]);
        fires_with("budgets-bypassed", Severity::Warning, &bad, &good, &delete);
        assert!(!found(&bad, &delete).iter().any(|(id, _)| *id == "budget-blocked"));
    }

    #[test]
    fn unreadable_budgets_are_unknown_not_absent() {
        let good = under(status(1, 3, 2, 3), vec![web("web-1")]);
        let mut bad = good.clone();
        bad.budgets = Known::Unknown("forbidden".into());
        fires("budgets-not-checked", Severity::Unknown, &bad, &good);
    }
}
