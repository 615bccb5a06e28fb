//! Webhooks that fail closed, and where the pods behind them run.

use cluster_model::hook::Hook;
use cluster_model::{Known, PodExt, Snapshot};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, RuleWithOperations, ServiceReference, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::ListParams;
use plugin_client::{Cluster, Failure};

use crate::fate::{Fate, fate};
use crate::options::Options;

pub async fn gather(cluster: &Cluster, snapshot: &Snapshot) -> Known<Vec<Hook>> {
    match read(cluster, snapshot).await {
        Ok(hooks) => Known::Seen(hooks),
        Err(failure) => Known::Unknown(failure.to_string()),
    }
}

/// A webhook that matters: its label, Service and what it sees.
struct Candidate {
    label: String,
    service: ServiceReference,
    sees: String,
}

async fn read(cluster: &Cluster, snapshot: &Snapshot) -> Result<Vec<Hook>, Failure> {
    let mut hooks = Vec::new();
    for candidate in candidates(cluster).await? {
        let (namespace, name) = (&candidate.service.namespace, &candidate.service.name);
        let services: Api<Service> = Api::namespaced(cluster.client.clone(), namespace);
        let service = services
            .get_opt(name)
            .await
            .map_err(|e| Failure::from_kube(&format!("read service {namespace}/{name}"), &e))?;
        // No Service, or one without a selector: its backend is not pods we could drain.
        let Some(selector) = service.and_then(|s| s.spec?.selector).filter(|s| !s.is_empty()) else {
            continue;
        };
        let labels: Vec<String> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        let backends = pods.list(&ListParams::default().labels(&labels.join(","))).await.map_err(|e| {
            Failure::from_kube(&format!("list the pods behind service {namespace}/{name}"), &e)
        })?;
        let (here, elsewhere): (Vec<Pod>, Vec<Pod>) = backends
            .items
            .into_iter()
            .filter(|p| p.is_ready() && !p.is_terminating())
            .partition(|p| leaves(p, snapshot));
        hooks.push(Hook {
            label: candidate.label,
            service: format!("{namespace}/{name}"),
            sees: candidate.sees,
            backends_here: here.iter().map(PodExt::key).collect(),
            backends_elsewhere: elsewhere.len(),
        });
    }
    Ok(hooks)
}

fn leaves(pod: &Pod, snapshot: &Snapshot) -> bool {
    let here = snapshot.pods.iter().any(|p| p.uid() == pod.uid());
    here && !matches!(fate(pod, snapshot, &Options::default()), Fate::Stays(_))
}

async fn candidates(cluster: &Cluster) -> Result<Vec<Candidate>, Failure> {
    let mut found = Vec::new();
    let all = ListParams::default();
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(cluster.client.clone());
    for config in
        validating.list(&all).await.map_err(|e| Failure::from_kube("list validating webhooks", &e))?
    {
        let name = config.metadata.name.unwrap_or_default();
        for hook in config.webhooks.into_iter().flatten() {
            let label = format!("ValidatingWebhookConfiguration {name} (webhook {})", hook.name);
            found.extend(candidate(label, hook.failure_policy, hook.client_config.service, hook.rules));
        }
    }
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(cluster.client.clone());
    for config in mutating.list(&all).await.map_err(|e| Failure::from_kube("list mutating webhooks", &e))? {
        let name = config.metadata.name.unwrap_or_default();
        for hook in config.webhooks.into_iter().flatten() {
            let label = format!("MutatingWebhookConfiguration {name} (webhook {})", hook.name);
            found.extend(candidate(label, hook.failure_policy, hook.client_config.service, hook.rules));
        }
    }
    Ok(found)
}

fn candidate(
    label: String,
    failure_policy: Option<String>,
    service: Option<ServiceReference>,
    rules: Option<Vec<RuleWithOperations>>,
) -> Option<Candidate> {
    if failure_policy.as_deref() == Some("Ignore") {
        return None;
    }
    let rules = rules.unwrap_or_default();
    let sees: Vec<String> = REQUESTS
        .iter()
        .filter(|(operation, group, resource)| rules.iter().any(|r| matches(r, operation, group, resource)))
        .map(|(operation, _, resource)| format!("{operation} {resource}"))
        .collect();
    (!sees.is_empty()).then_some(Candidate { label, service: service?, sees: sees.join(", ") })
}

/// What a drain asks for, what making the replacements needs, and what bringing the node back needs.
const REQUESTS: [(&str, &str, &str); 4] = [
    ("CREATE", "", "pods/eviction"),
    ("DELETE", "", "pods"),
    ("CREATE", "", "pods"),
    ("UPDATE", "", "nodes"),
];

fn matches(rule: &RuleWithOperations, operation: &str, group: &str, resource: &str) -> bool {
    let any = |list: &Option<Vec<String>>, is: &dyn Fn(&str) -> bool| list.iter().flatten().any(|v| is(v));
    any(&rule.operations, &|o| o == "*" || o == operation)
        && any(&rule.api_groups, &|g| g == "*" || g == group)
        && any(&rule.resources, &|r| match resource.split_once('/') {
            // `*/*` is everything, `pods/*` every subresource of pods; `*` is every resource but no subresource.
            Some((parent, sub)) => {
                r == resource || r == "*/*" || r == format!("{parent}/*") || r == format!("*/{sub}")
            }
            None => r == resource || r == "*" || r == "*/*",
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(operations: &[&str], resources: &[&str]) -> RuleWithOperations {
        let list = |v: &[&str]| Some(v.iter().map(|s| s.to_string()).collect());
        RuleWithOperations {
            operations: list(operations),
            resources: list(resources),
            api_groups: list(&[""]),
            api_versions: list(&["v1"]),
            scope: None,
        }
    }

    #[test]
    fn webhooks_that_see_what_a_drain_does() {
        let cases = [
            (rule(&["CREATE"], &["pods/eviction"]), "CREATE pods/eviction"),
            (rule(&["*"], &["pods"]), "DELETE pods, CREATE pods"),
            (rule(&["CREATE"], &["pods/*"]), "CREATE pods/eviction"),
            (rule(&["CREATE", "UPDATE"], &["*/*"]), "CREATE pods/eviction, CREATE pods, UPDATE nodes"),
            (rule(&["CREATE"], &["configmaps"]), ""),
            (rule(&["DELETE"], &["services"]), ""),
        ];
        let service =
            || Some(ServiceReference { namespace: "a".into(), name: "b".into(), path: None, port: None });
        for (rule, sees) in cases {
            let found = candidate("w".into(), None, service(), Some(vec![rule.clone()]));
            assert_eq!(found.map(|c| c.sees).unwrap_or_default(), sees, "{rule:?}");
        }
        let seen = || Some(vec![rule(&["*"], &["pods"])]);
        assert!(candidate("w".into(), Some("Ignore".into()), service(), seen()).is_none(), "fails open");
        assert!(
            candidate("w".into(), Some("Fail".into()), None, seen()).is_none(),
            "runs outside the cluster"
        );
    }
}
