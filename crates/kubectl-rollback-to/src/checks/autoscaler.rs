//! Who sets the number of pods: a rollback brings back a template and no replicas (kubernetes/kubernetes#25236), and an autoscaler
//! needs requests to compute with.

use cluster_model::autoscaler::{is_disabled, keda_object, scales};
use cluster_model::pod::resources::of_container;
use cluster_model::{Finding, Raw, Severity};
use serde_json::Value;

use super::Case;

const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    if case.rollout().id.kind.rules().is_per_node() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let scalers: Vec<&Value> = match case.seen("autoscalers", |around| &around.autoscalers) {
        Ok(scalers) => scalers.iter().filter(|scaler| scales(*scaler, &case.rollout().id)).collect(),
        Err(unknown) => {
            findings.push(unknown);
            Vec::new()
        }
    };
    findings.extend(scalers.iter().flat_map(|scaler| metrics(case, scaler)));
    findings.extend(replicas(case, scalers.first().copied()));
    findings
}

/// A share of the request cannot be computed without one, and one container without it is enough
/// (pkg/controller/podautoscaler/replica_calculator.go, calculatePodRequests).
fn metrics(case: &Case<'_>, scaler: &Value) -> Vec<Finding> {
    let name = scaler.name();
    let shares = scaler.list("/spec/metrics").iter().filter_map(|metric| {
        let of = match metric.text("/type") {
            "Resource" => &metric["resource"],
            "ContainerResource" => &metric["containerResource"],
            _ => return None,
        };
        (of.text("/target/type") == "Utilization").then(|| (of.text("/name"), of.text("/container")))
    });
    shares
        .filter_map(|(resource, container)| {
            let lack = lacking(case.template(), resource, container)?;
            // What it has not today either is not lost by going back.
            if lacking(case.rollout().template(), resource, container).is_some() {
                return None;
            }
            let message =
                format!("stops autoscaler {name}: the older template has no {resource} request for {lack}");
            let remedy = format!(
                "kubectl describe hpa {name} -n {}; use another metric, or choose another revision",
                case.rollout().id.namespace
            );
            Some(case.finding("autoscaler-loses-metric", Severity::Warning, message).remedy(remedy))
        })
        .collect()
}

/// The first container that keeps the share from being computed.
fn lacking(template: &Value, resource: &str, only: &str) -> Option<String> {
    let has_request =
        |holder: &Value| of_container(holder, "requests").get(resource).is_some_and(|amount| *amount > 0);
    let containers = template.list("/spec/containers");
    if !only.is_empty() {
        let found = containers.iter().find(|container| container["name"] == only);
        return (!found.is_some_and(has_request)).then(|| format!("container {only}"));
    }
    if has_request(&template["spec"]) {
        return None;
    }
    containers
        .iter()
        .find(|container| !has_request(container))
        .map(|container| format!("container {}", container.text("/name")))
}

fn replicas(case: &Case<'_>, scaler: Option<&Value>) -> Option<Finding> {
    let now = case.rollout().desired();
    let info = |message: String| Some(case.finding("replicas-not-restored", Severity::Info, message));
    if let Some(scaler) = scaler.filter(|scaler| is_disabled(*scaler, now)) {
        let name = scaler.name();
        return info(format!(
            "keeps its 0 replicas: no pod will run, and autoscaler {name} is disabled by that"
        ));
    }
    if let Some(scaler) = scaler {
        let bounds = format!(
            "{}–{}",
            scaler.number("/spec/minReplicas").unwrap_or(1),
            scaler.number("/spec/maxReplicas").unwrap_or_default()
        );
        let who = match keda_object(scaler) {
            Some(scaled) => format!("KEDA ScaledObject {scaled}"),
            None => format!("autoscaler {}", scaler.name()),
        };
        return info(format!("keeps its {now} replicas: {who} sets them ({bounds})"));
    }
    if now == 0 {
        return info("keeps its 0 replicas: no pod will run".to_owned());
    }
    let revision = case.target.revision.and_then(|index| case.rollout().revisions.get(index))?;
    let then: i64 = revision.object.annotation(DESIRED)?.parse().ok()?;
    (then != now && then > 0).then(|| {
        info(format!("keeps its {now} replicas; revision {} last ran with {then}", revision.number))
    })?
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use cluster_model::rollout::Kind;
    use cluster_model::{Known, Severity};
    use serde_json::{Value, json};

    fn scaled(metric: Value, resources: Value) -> Fixture {
        let mut fixture = Fixture::of(Kind::Deployment).then(json!({"spec": {"containers": [
            {"name": "web", "image": "web:1", "resources": resources}]}}));
        fixture.around().autoscalers = Known::Seen(vec![json!({"metadata": {"name": "scale"}, "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 2, "maxReplicas": 9, "metrics": [metric]}})]);
        fixture
    }

    fn cpu(kind: &str) -> Value {
        json!({"type": "Resource", "resource": {"name": "cpu", "target": {"type": kind, "averageUtilization": 80}}})
    }

    #[test]
    fn autoscaler_loses_metric() {
        let requests = json!({"requests": {"cpu": "100m"}});
        let bad = scaled(cpu("Utilization"), json!({}));
        fires("autoscaler-loses-metric", Severity::Warning, &bad, &scaled(cpu("Utilization"), requests));
        fires("autoscaler-loses-metric", Severity::Warning, &bad, &scaled(cpu("AverageValue"), json!({})));
        let limited = json!({"limits": {"cpu": "1"}});
        fires("autoscaler-loses-metric", Severity::Warning, &bad, &scaled(cpu("Utilization"), limited));
        // Today's template has no request either: nothing is lost.
        let before = json!({"spec": {"template": {"spec": {"containers": [{"name": "web"}]}}}});
        fires(
            "autoscaler-loses-metric",
            Severity::Warning,
            &bad,
            &scaled(cpu("Utilization"), json!({})).live(before),
        );
        let one = |container: &str| {
            json!({"type": "ContainerResource", "containerResource": {"name": "cpu", "container": container,
                "target": {"type": "Utilization"}}})
        };
        fires(
            "autoscaler-loses-metric",
            Severity::Warning,
            &scaled(one("web"), json!({})),
            &scaled(one("other"), json!({})),
        );
        let mut other = scaled(cpu("Utilization"), json!({}));
        if let Known::Seen(list) = &mut other.around().autoscalers {
            list[0]["spec"]["scaleTargetRef"]["name"] = json!("api");
        }
        fires("autoscaler-loses-metric", Severity::Warning, &bad, &other);
    }

    #[test]
    fn replicas_not_restored() {
        let good = Fixture::of(Kind::Deployment);
        let with =
            |replicas: i64| Fixture::of(Kind::Deployment).live(json!({"spec": {"replicas": replicas}}));
        fires("replicas-not-restored", Severity::Info, &with(5), &good);
        assert_eq!(
            with(5).message_of("replicas-not-restored"),
            "keeps its 5 replicas; revision 1 last ran with 3"
        );
        fires("replicas-not-restored", Severity::Info, &with(0), &good);
        let scaled = scaled(cpu("AverageValue"), json!({}));
        assert_eq!(
            scaled.message_of("replicas-not-restored"),
            "keeps its 3 replicas: autoscaler scale sets them (2–9)"
        );
        assert_eq!(
            scaled.live(json!({"spec": {"replicas": 0}})).message_of("replicas-not-restored"),
            "keeps its 0 replicas: no pod will run, and autoscaler scale is disabled by that"
        );
    }

    #[test]
    fn autoscalers_that_cannot_be_read_are_unknown() {
        let mut bad = Fixture::of(Kind::Deployment);
        bad.around().autoscalers = Known::Unknown("forbidden".into());
        fires("surroundings-not-checked", Severity::Unknown, &bad, &Fixture::of(Kind::Deployment));
    }
}
