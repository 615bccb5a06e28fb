//! What finds the pods by their labels, ports and requests, and would not find the older ones.

use ::testbed::shared;
use serde_json::json;

use super::{app, back, expect_finding, expect_no_finding, plan, refused, two_templates};
use crate::plugin::text;

#[test]
fn a_service_that_would_lose_all_its_endpoints_is_an_error_and_some_of_them_a_warning() {
    let room = shared().room(1);
    two_templates(&room, "web", |_| ());
    room.set_template("Deployment", "web", |template| {
        template["metadata"]["labels"]["tier"] = json!("front");
        template["spec"]["containers"][0]["ports"] = json!([{"name": "http", "containerPort": 80}]);
    });
    room.observed("Deployment", "web");
    let service = |name: &str, selector: serde_json::Value, port: serde_json::Value| {
        room.apply(json!({"kind": "Service", "metadata": {"name": name}, "spec": {
            "selector": selector, "ports": [{"port": 80, "targetPort": port}]}}));
    };
    service("front", json!({"app": "web", "tier": "front"}), json!(80));
    service("named", json!({"app": "web"}), json!("http"));
    service("others", json!({"app": "other"}), json!("http"));
    let outcome = refused(&room, "web", &[]);
    let lost =
        expect_finding(&outcome, "service-loses-endpoints", "error", "service front without endpoints");
    assert!(text(&lost, "message").contains("tier=front"), "{lost:#}");
    expect_finding(
        &outcome,
        "named-port-disappears",
        "warning",
        "breaks service named, which uses port http",
    );
    assert!(!outcome.out.contains("service others"), "{outcome}");

    // Somebody else stays behind it.
    room.pod_with("spare", |pod| pod["metadata"]["labels"] = json!({"app": "web", "tier": "front"}));
    room.ready("web", 2);
    let outcome = plan(&room, "web");
    outcome.expect("planned", 0);
    expect_finding(&outcome, "service-loses-these-pods", "warning", "drops out of service front");
    room.cluster().delete(&room.path_of("Pod", "spare"));
    room.ready("web", 1);

    let outcome = back(&room, "web", &["--allow", "service-loses-endpoints"]);
    outcome.expect("done", 0);
    let accepted = outcome.finding("service-loses-endpoints");
    assert_eq!(text(&accepted, "accepted"), "--allow service-loses-endpoints");
    assert_eq!(room.image("Deployment", "web"), app(2));
}

#[test]
fn policies_budgets_and_autoscalers_that_would_no_longer_count_its_pods_are_named() {
    let room = shared().room(1);
    two_templates(&room, "web", |_| ());
    room.set_template("Deployment", "web", |template| {
        template["metadata"]["labels"]["tier"] = json!("front");
        template["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "100m"}});
    });
    room.observed("Deployment", "web");
    let front = json!({"matchLabels": {"tier": "front"}});
    room.apply(json!({"kind": "NetworkPolicy", "metadata": {"name": "walls"}, "spec": {
        "podSelector": front, "policyTypes": ["Ingress"]}}));
    room.apply(json!({"kind": "NetworkPolicy", "metadata": {"name": "doors"}, "spec": {
        "podSelector": {"matchLabels": {"app": "database"}}, "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": front}]}]}}));
    room.apply(json!({"kind": "PodDisruptionBudget", "metadata": {"name": "front"}, "spec": {
        "selector": front, "maxUnavailable": 0}}));
    room.budget("all", "web", json!({"maxUnavailable": 0}));
    let metric = json!({"type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}});
    room.apply(json!({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 1, "maxReplicas": 3, "metrics": [metric]}}));
    let outcome = back(&room, "web", &[]);
    outcome.expect("done", 0);
    let policy = "network-policy-selection-changes";
    expect_finding(
        &outcome,
        policy,
        "warning",
        "changes network policy walls, which no longer applies to its pods",
    );
    expect_finding(
        &outcome,
        policy,
        "warning",
        "changes network policy doors, which no longer allows its pods in",
    );
    expect_finding(&outcome, "budget-selection-changes", "warning", "is no longer selected by PDB front");
    // And it was no obstacle: rollouts do not consult budgets.
    expect_finding(&outcome, "budget-does-not-protect", "info", "is selected by PDB all");
    expect_finding(&outcome, "autoscaler-loses-metric", "warning", "no cpu request for container main");
    expect_finding(&outcome, "replicas-not-restored", "info", "autoscaler web sets them (1–3)");
    expect_no_finding(&outcome, &["surroundings-not-checked"]);
}
