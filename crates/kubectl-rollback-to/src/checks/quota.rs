//! Quotas of the namespace against the pods that are made before others go, and against all of them at the end.

use cluster_model::pod::resources::{Amounts, add};
use cluster_model::quantity::{parse, show};
use cluster_model::quota::{applies, counted, resource};
use cluster_model::{Finding, PodExt, Raw, Severity};
use serde_json::Value;

use super::Case;
use super::pace::Pace;

pub fn check(case: &Case<'_>) -> Vec<Finding> {
    let quotas = match case.seen("resource quotas", |around| &around.quotas) {
        Ok(quotas) => quotas,
        Err(unknown) => return vec![unknown],
    };
    let spec = &case.template()["spec"];
    let pace = Pace::of(case.rollout());
    let (each, freed) = (counted(spec), freed(case));
    quotas
        .iter()
        .filter(|quota| applies(quota, spec, &each))
        .filter_map(|quota| {
            let hard = quota.map("/status/hard")?;
            hard.keys()
                .filter_map(|name| room(case, quota, name, &pace, &each, &freed))
                .max_by_key(|f| f.severity)
        })
        .collect()
}

/// The worst that one limit of one quota means.
fn room(
    case: &Case<'_>,
    quota: &Value,
    name: &str,
    pace: &Pace,
    each: &Amounts,
    freed: &Amounts,
) -> Option<Finding> {
    let resource = resource(name);
    let read = |of: &str| parse(quota["status"][of][name].as_str()?);
    let (hard, used) = (read("hard")?, read("used").unwrap_or_default());
    let cost = each.get(resource).copied().filter(|cost| *cost > 0)?;
    let fits = (hard - used).max(0) / cost;
    let at_the_end = hard - used + freed.get(resource).copied().unwrap_or_default();
    let message = format!(
        "{name} is at {} of {}, and each of its pods needs {}",
        show(name, used),
        show(name, hard),
        show(name, cost)
    );
    let quota_name = quota.name();
    let remedy = format!("kubectl describe quota {quota_name} -n {}", case.rollout().id.namespace);
    let finding = |id, severity, what: String| {
        Some(
            case.finding(id, severity, format!("{what} quota {quota_name}: {message}"))
                .remedy(remedy.as_str()),
        )
    };
    if cost.saturating_mul(i128::from(pace.desired)) > at_the_end {
        return finding(
            "quota-no-room",
            Severity::Error,
            format!("can never run all of its {} pods:", pace.desired),
        );
    }
    if fits == 0 && pace.needs_room_first() {
        return finding(
            "quota-no-room",
            Severity::Error,
            "cannot start: no more pods are allowed by".to_owned(),
        );
    }
    if fits < i128::from(pace.extra) {
        let what =
            format!("rolls out more slowly: {fits} instead of {} pods at a time are allowed by", pace.extra);
        return finding("quota-slows-down", Severity::Warning, what);
    }
    None
}

/// What its pods of today give back once they are gone.
fn freed(case: &Case<'_>) -> Amounts {
    let mut freed = Amounts::new();
    for pod in case.rollout().pods.iter().filter(|pod| !pod.is_finished()) {
        let spec = serde_json::to_value(&pod.spec).unwrap_or_default();
        add(&mut freed, &counted(&spec));
    }
    freed
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use cluster_model::rollout::Kind;
    use cluster_model::{Known, Severity};
    use serde_json::{Value, json};

    fn with(kind: Kind, quota: Value) -> Fixture {
        let mut fixture = Fixture::of(kind);
        let mut whole = json!({"metadata": {"name": "compute"}});
        cluster_model::build::merge(&mut whole, quota);
        fixture.around().quotas = Known::Seen(vec![whole]);
        fixture
    }

    fn cpu(used: &str) -> Value {
        json!({"status": {"hard": {"requests.cpu": "1"}, "used": {"requests.cpu": used}}})
    }

    #[test]
    fn quota_no_room() {
        // Three pods of 100m; one more is needed first.
        let bad = with(Kind::Deployment, cpu("950m"));
        fires("quota-no-room", Severity::Error, &bad, &with(Kind::Deployment, cpu("900m")));
        assert_eq!(
            bad.message_of("quota-no-room"),
            "cannot start: no more pods are allowed by quota compute: requests.cpu is at 950m of 1, and each of its pods needs 100m"
        );
        fires("quota-no-room", Severity::Error, &bad, &with(Kind::StatefulSet, cpu("950m")));
        let pods = |used: &str| json!({"status": {"hard": {"pods": "4"}, "used": {"pods": used}}});
        fires(
            "quota-no-room",
            Severity::Error,
            &with(Kind::Deployment, pods("4")),
            &with(Kind::Deployment, pods("3")),
        );
    }

    #[test]
    fn pods_that_grew_never_fit() {
        let grown = |request: &str| {
            with(Kind::StatefulSet, cpu("1"))
                .then_container(json!({"resources": {"requests": {"cpu": request}}}))
        };
        fires("quota-no-room", Severity::Error, &grown("200m"), &grown("100m"));
    }

    #[test]
    fn quota_slows_down() {
        let surge = json!({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 0}}}});
        let slow = |used: &str| with(Kind::Deployment, cpu(used)).live(surge.clone());
        fires("quota-slows-down", Severity::Warning, &slow("800m"), &slow("700m"));
    }

    #[test]
    fn only_quotas_that_count_these_pods() {
        let scoped = |spec: Value| {
            let mut quota = cpu("950m");
            quota["spec"] = spec;
            with(Kind::Deployment, quota)
        };
        let selector = |operator: &str| {
            json!({"scopeSelector": {"matchExpressions": [
            {"scopeName": "PriorityClass", "operator": operator, "values": ["high"]}]}})
        };
        let plain = |scope: &str| json!({"scopes": [scope]});
        for (counts, not) in [
            (plain("NotBestEffort"), plain("BestEffort")),
            (plain("NotTerminating"), plain("Terminating")),
            (selector("NotIn"), selector("In")),
            (selector("DoesNotExist"), selector("Exists")),
            (json!({}), plain("SomethingNew")),
        ] {
            fires("quota-no-room", Severity::Error, &scoped(counts), &scoped(not));
        }
    }

    #[test]
    fn quotas_that_cannot_be_read_are_unknown() {
        let mut bad = Fixture::of(Kind::Deployment);
        bad.around().quotas = Known::Unknown("forbidden".into());
        fires("surroundings-not-checked", Severity::Unknown, &bad, &Fixture::of(Kind::Deployment));
    }
}
