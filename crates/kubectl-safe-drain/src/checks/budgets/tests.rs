use crate::checks::testing::*;
use crate::options::Options;
use std::collections::BTreeMap;

use cluster_model::build::{PodBuild, budget, pod};
use cluster_model::owner::{OwnerKey, Workload};
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
        (
            json!({"minAvailable": 3}),
            status(0, 3, 3, 3),
            "add a replica (kubectl scale replicaset/rs -n shop --replicas=4), or relax the PDB for the drain",
        ),
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
    inventory.budgets = Known::Seen(vec![budget("shop/web", json!({"spec": rule, "status": status}))].into());
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
    assert_eq!(
        first(&complete).2,
        "add a replica (kubectl scale replicaset/rs -n shop --replicas=3), or relax the PDB for the drain"
    );
}

#[test]
fn the_workload_to_scale_is_named_where_it_is_certain() {
    let made_by = |api_version: &str, kind: &str| {
        let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
        let (namespace, name, uid) = ("shop".to_owned(), "web".to_owned(), "u".to_owned());
        let controller = OwnerKey { api_version, kind, namespace, name, uid };
        Workload { controller: Some(controller), ..scaled_to(2, 2) }
    };
    let remedy = |controller, expected| {
        first(&owned_by(controller, vec![], json!({"minAvailable": 2}), status(0, 2, 2, expected))).2
    };
    assert_eq!(
        remedy(made_by("apps/v1", "Deployment"), 2),
        "add a replica (kubectl scale deployment/web -n shop --replicas=3), or relax the PDB for the drain"
    );
    // An operator would scale it back; a ReplicaSet of a rollout has not all of the replicas.
    assert_eq!(remedy(made_by("example.com/v1", "Shop"), 2), "add a replica, or relax the PDB for the drain");
    let rolling = Workload { desired: Some(1), ..made_by("apps/v1", "Deployment") };
    assert!(!remedy(rolling, 2).contains("kubectl"), "its number of replicas is not known");
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
    let mut inventory = under(status(0, 1, 1, 1), vec![web("web-1").unmanaged()]);
    inventory.not_ready_members.insert("shop/web".into(), vec![]);
    assert_eq!(first(&inventory).2, "relax the PDB for the drain");
    // One that is not Ready yet counts once it is, though no controller expects it.
    let starting = web("web-2").unmanaged().waiting("ContainerCreating");
    let all = json!({"minAvailable": "100%"});
    let inventory = owned_by(scaled_to(3, 3), vec![starting], all, status(0, 3, 3, 3));
    assert_eq!(first(&inventory).0, "budget-exhausted", "{:?}", first(&inventory));
}

#[test]
fn pods_that_are_not_recreated_use_up_the_disruptions() {
    let unmanaged = |n: usize| (0..n).map(|i| web(&format!("web-{i}")).unmanaged()).collect::<Vec<_>>();
    let blocked = under(status(1, 3, 2, 3), unmanaged(3));
    fires("budget-blocked", Severity::Error, &blocked, &under(status(1, 2, 1, 2), unmanaged(1)));
    let owned: Vec<Pod> = (0..3).map(|i| web(&format!("web-{i}"))).collect();
    let paced = under(status(1, 3, 2, 3), owned);
    fires("budget-paces", Severity::Info, &paced, &blocked);
    let deleted = being_deleted(paced.clone());
    fires("budget-blocked", Severity::Error, &deleted, &paced);
    assert_eq!(
        first(&deleted).1,
        "allows 1 disruption, but 3 pods to evict are not recreated, so it allows no more until other pods of it are Ready"
    );
}

/// A pod that is recreated gives its disruption back: it goes first, unless its priority is higher or its node is drained later.
#[test]
fn a_pod_that_is_not_recreated_must_not_use_up_the_last_disruption() {
    let found = |bare: Pod, managed: Pod| {
        let mut inventory = under(status(1, 2, 1, 2), vec![bare.unmanaged(), managed]);
        inventory.nodes.push(cluster_model::build::node("n2", json!({})));
        first(&inventory)
    };
    assert_eq!(found(web("web-1"), web("web-2")).0, "budget-paces");
    let (id, message, _) = found(web("web-1"), web("web-2").priority(1000));
    assert_eq!(id, "budget-blocked");
    assert_eq!(
        message,
        "allows 1 disruption, and shop/web-1 uses up the last one: it is evicted before shop/web-2 and is not recreated, so no more is allowed until other pods of it are Ready"
    );
    let later = pod("shop/web-2", "n2").label("app", "web");
    assert_eq!(found(web("web-1"), later).0, "budget-blocked");
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
    let remedy = |inventory: &Inventory| {
        let found = super::check(inventory, &Options::default()).into_iter();
        found.filter(|f| f.id == "budget-unhealthy-pods").map(|f| f.remedy).next_back().unwrap_or_default()
    };
    assert_eq!(remedy(&bad), "fix that pod", "its eviction is not requested, so no policy lets it go");
    let here = under(status(0, 1, 2, 2), vec![web("web-1").waiting("CrashLoopBackOff")]);
    assert!(remedy(&here).contains("AlwaysAllow"));
    let more = pod("shop/web-8", "n2").label("app", "web").waiting("ImagePullBackOff");
    bad.not_ready_members.get_mut("shop/web").unwrap().push(more);
    assert_eq!(remedy(&bad), "fix these pods");
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
