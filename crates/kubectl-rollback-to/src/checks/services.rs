//! Services find pods by labels and ports by name; an older template may have neither.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::rollout::containers;
use cluster_model::text::count;
use cluster_model::{Finding, PodExt, Raw, Severity};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::Case;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let services = match case.seen("services", |around| &around.services) {
        Ok(services) => services,
        Err(unknown) => return vec![unknown],
    };
    let (today, then) = (case.rollout().template().labels(), case.template().labels());
    let selecting = services.iter().filter(|service| selects(service, &today));
    selecting
        .flat_map(|service| {
            if selects(service, &then) { ports(case, service) } else { vec![lost(case, service, &then)] }
        })
        .collect()
}

/// Would a workload with these templates leave one of the Services? Only then are the pods that stay behind it read.
pub fn leaves(services: &[Value], today: &Value, then: &Value) -> bool {
    let (today, then) = (today.labels(), then.labels());
    services.iter().any(|service| selects(service, &today) && !selects(service, &then))
}

/// A Service without a selector is somebody's own list of endpoints.
fn selects(service: &Value, labels: &BTreeMap<String, String>) -> bool {
    let selector = service.map("/spec/selector").filter(|selector| !selector.is_empty());
    let is_so = |(key, value): (&String, &Value)| labels.get(key).map(String::as_str) == value.as_str();
    selector.is_some_and(|selector| selector.iter().all(is_so))
        && service.text("/spec/type") != "ExternalName"
}

fn lost(case: &Case<'_>, service: &Value, then: &BTreeMap<String, String>) -> Finding {
    let name = service.name();
    let selector = service.map("/spec/selector").into_iter().flatten();
    let unmet: Vec<String> = selector
        .filter(|(key, value)| then.get(*key).map(String::as_str) != value.as_str())
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let unmet = unmet.join(",");
    let remedy = format!(
        "change the selector of service {name} to labels that both templates have, or choose another revision"
    );
    let others = others(case, service);
    if others > 0 {
        let message = format!(
            "drops out of service {name}: the older template does not match its selector {unmet}; {} of other workloads remain",
            count(others, "pod")
        );
        return case.finding("service-loses-these-pods", Severity::Warning, message).remedy(remedy);
    }
    let message = format!(
        "leaves service {name} without endpoints: the older template does not match its selector {unmet}"
    );
    case.finding("service-loses-endpoints", Severity::Error, message).remedy(remedy)
}

/// Pods of other workloads behind the same Service, as far as pods could be seen.
fn others(case: &Case<'_>, service: &Value) -> usize {
    let rollout = case.rollout();
    let mine: BTreeSet<&str> = rollout.pods.iter().map(PodExt::uid).collect();
    let is_behind = |pod: &&Pod| {
        let labels = pod.metadata.labels.clone().unwrap_or_default();
        pod.namespace() == rollout.id.namespace && !mine.contains(pod.uid()) && selects(service, &labels)
    };
    case.around()
        .and_then(|around| around.pods.seen())
        .map_or(0, |pods| pods.iter().filter(is_behind).count())
}

fn ports(case: &Case<'_>, service: &Value) -> Vec<Finding> {
    let (today, then) = (port_names(case.rollout().template()), port_names(case.template()));
    let ports = service.list("/spec/ports").iter().filter_map(|port| port["targetPort"].as_str());
    let ports: BTreeSet<&str> = ports.filter(|port| today.contains(port) && !then.contains(port)).collect();
    ports
        .into_iter()
        .map(|port| {
            let name = service.name();
            let message = format!(
                "breaks service {name}, which uses port {port}: the older template has no port of that name"
            );
            let remedy = format!("set a port number in service {name}, or choose another revision");
            case.finding("named-port-disappears", Severity::Warning, message).remedy(remedy)
        })
        .collect()
}

fn port_names(template: &Value) -> BTreeSet<&str> {
    let ports = containers(template).flat_map(|container| container.list("/ports"));
    ports.map(|port| port.text("/name")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use cluster_model::build::{self, PodBuild};
    use cluster_model::rollout::Kind;
    use cluster_model::{Known, Severity};
    use serde_json::{Value, json};

    /// Today's template has label tier=web and port http; the older one has what is given.
    fn fixture(service: Value, labels: Value, port: &str) -> Fixture {
        let today = json!({"metadata": {"labels": {"tier": "web"}},
            "spec": {"containers": [container(json!({"image": "web:2", "ports": [{"name": "http", "containerPort": 80}]}))]}});
        let mut fixture = Fixture::of(Kind::Deployment)
            .live(json!({"spec": {"template": today}}))
            .then(json!({"metadata": {"labels": labels}}))
            .then_container(json!({"ports": [{"name": port, "containerPort": 80}]}));
        fixture.around().services =
            Known::Seen(vec![json!({"metadata": {"name": "front"}, "spec": service})]);
        fixture
    }

    fn newer() -> Value {
        json!({"selector": {"app": "web", "tier": "web"}, "ports": [{"targetPort": "http"}]})
    }

    #[test]
    fn service_loses_endpoints() {
        let bad = fixture(newer(), json!({}), "http");
        fires(
            "service-loses-endpoints",
            Severity::Error,
            &bad,
            &fixture(newer(), json!({"tier": "web"}), "http"),
        );
        assert_eq!(
            bad.message_of("service-loses-endpoints"),
            "leaves service front without endpoints: the older template does not match its selector tier=web"
        );
        for harmless in [
            json!({"selector": {"app": "web"}}),
            json!({"selector": {"app": "other"}}),
            json!({"selector": {}}),
            json!({}),
            json!({"type": "ExternalName", "selector": {"tier": "web"}}),
        ] {
            fires("service-loses-endpoints", Severity::Error, &bad, &fixture(harmless, json!({}), "http"));
        }
    }

    #[test]
    fn service_loses_these_pods() {
        let alone = fixture(newer(), json!({}), "http");
        let shared = |namespace: &str| {
            let other =
                build::pod(&format!("{namespace}/other"), "n1").label("app", "web").label("tier", "web");
            let mut fixture = fixture(newer(), json!({}), "http");
            fixture.around().pods = Known::Seen(vec![other]);
            fixture
        };
        fires("service-loses-these-pods", Severity::Warning, &shared("shop"), &alone);
        fires("service-loses-endpoints", Severity::Error, &shared("elsewhere"), &shared("shop"));
    }

    #[test]
    fn a_service_is_left_when_it_selects_only_todays_labels() {
        let leaves = |then: Value| {
            let fixture = fixture(newer(), json!({}), "http");
            let services = [json!({"metadata": {"name": "front"}, "spec": newer()})];
            super::leaves(&services, fixture.snapshot.rollouts[0].template(), &then)
        };
        assert!(leaves(json!({"metadata": {"labels": {"app": "web"}}})));
        assert!(!leaves(json!({"metadata": {"labels": {"app": "web", "tier": "web"}}})));
    }

    #[test]
    fn named_port_disappears() {
        let with = |port: &str| fixture(newer(), json!({"tier": "web"}), port);
        fires("named-port-disappears", Severity::Warning, &with("web"), &with("http"));
        let number = json!({"selector": {"app": "web"}, "ports": [{"targetPort": 80}]});
        fires("named-port-disappears", Severity::Warning, &with("web"), &fixture(number, json!({}), "web"));
    }

    #[test]
    fn services_that_cannot_be_read_are_unknown() {
        let mut bad = Fixture::of(Kind::Deployment);
        bad.around().services = Known::Unknown("forbidden".into());
        fires("surroundings-not-checked", Severity::Unknown, &bad, &Fixture::of(Kind::Deployment));
    }
}
