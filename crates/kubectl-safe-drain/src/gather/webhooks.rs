//! Webhooks that fail closed, and the pods behind them.

use std::collections::BTreeMap;

use cluster_model::webhook::{Webhook, matches};
use cluster_model::{Known, PodExt};
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, RuleWithOperations, ServiceReference, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::list;
use plugin_client::{Cluster, Failure};

pub async fn gather(cluster: &Cluster) -> Known<Vec<Webhook>> {
    match read(cluster).await {
        Ok(webhooks) => Known::Seen(webhooks),
        Err(failure) => Known::Unknown(failure.to_string()),
    }
}

/// A webhook that matters: its label, its Service and the requests that it matches.
pub struct Candidate {
    label: String,
    pub service: ServiceReference,
    requests: String,
}

impl Candidate {
    /// `namespace/name` of its Service.
    pub fn service_key(&self) -> String {
        format!("{}/{}", self.service.namespace, self.service.name)
    }

    /// With the UIDs of its Ready pods.
    pub fn with(self, backends: Vec<String>) -> Webhook {
        Webhook { service: self.service_key(), label: self.label, requests: self.requests, backends }
    }
}

async fn read(cluster: &Cluster) -> Result<Vec<Webhook>, Failure> {
    let mut webhooks = Vec::new();
    for candidate in candidates(cluster).await? {
        let (namespace, name) = (&candidate.service.namespace, &candidate.service.name);
        let services: Api<Service> = Api::namespaced(cluster.client.clone(), namespace);
        let service = services
            .get_opt(name)
            .await
            .map_err(|e| Failure::from_kube(&format!("read service {namespace}/{name}"), &e))?;
        let Some(selector) = service.and_then(pods_behind) else { continue };
        let labels: Vec<String> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        let behind = ListParams::default().labels(&labels.join(","));
        let ready = |pod: Pod| is_backend(&pod).then(|| pod.uid().to_owned());
        let backends = list::collect(&pods, "pods", behind, list::PAGE, ready).await;
        let backends = backends.map_err(|failure| failure.object(format!("service {namespace}/{name}")))?;
        webhooks.push(candidate.with(backends));
    }
    Ok(webhooks)
}

async fn candidates(cluster: &Cluster) -> Result<Vec<Candidate>, Failure> {
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(cluster.client.clone());
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(cluster.client.clone());
    let all = ListParams::default;
    // Of two failures always the same one is reported.
    let (validating, mutating) = futures::join!(
        list::fold(&validating, "validating webhooks", all(), list::PAGE, Vec::new, of_validating),
        list::fold(&mutating, "mutating webhooks", all(), list::PAGE, Vec::new, of_mutating),
    );
    Ok(validating?.into_iter().chain(mutating?).collect())
}

/// The labels of the pods behind a Service. One without a selector has a backend that is not pods we could drain.
pub fn pods_behind(service: Service) -> Option<BTreeMap<String, String>> {
    service.spec?.selector.filter(|labels| !labels.is_empty())
}

pub fn is_backend(pod: &Pod) -> bool {
    pod.is_ready() && !pod.is_terminating()
}

pub fn of_validating(found: &mut Vec<Candidate>, config: ValidatingWebhookConfiguration) {
    let name = config.metadata.name.unwrap_or_default();
    for hook in config.webhooks.into_iter().flatten() {
        let label = format!("ValidatingWebhookConfiguration {name} (webhook {})", hook.name);
        found.extend(candidate(label, hook.failure_policy, hook.client_config.service, hook.rules));
    }
}

pub fn of_mutating(found: &mut Vec<Candidate>, config: MutatingWebhookConfiguration) {
    let name = config.metadata.name.unwrap_or_default();
    for hook in config.webhooks.into_iter().flatten() {
        let label = format!("MutatingWebhookConfiguration {name} (webhook {})", hook.name);
        found.extend(candidate(label, hook.failure_policy, hook.client_config.service, hook.rules));
    }
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
    let requests: Vec<String> = REQUESTS
        .iter()
        .filter(|(operation, group, resource)| rules.iter().any(|r| matches(r, operation, group, resource)))
        .map(|(operation, _, resource)| format!("{operation} {resource}"))
        .collect();
    (!requests.is_empty()).then_some(Candidate { label, service: service?, requests: requests.join(", ") })
}

/// The requests of a drain, of recreating its pods, and of uncordoning the node.
const REQUESTS: [(&str, &str, &str); 4] = [
    ("CREATE", "", "pods/eviction"),
    ("DELETE", "", "pods"),
    ("CREATE", "", "pods"),
    ("UPDATE", "", "nodes"),
];

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
    fn webhooks_that_match_what_a_drain_does() {
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
        for (rule, requests) in cases {
            let found = candidate("w".into(), None, service(), Some(vec![rule.clone()]));
            assert_eq!(found.map(|c| c.requests).unwrap_or_default(), requests, "{rule:?}");
        }
        let seen = || Some(vec![rule(&["*"], &["pods"])]);
        assert!(candidate("w".into(), Some("Ignore".into()), service(), seen()).is_none(), "fails open");
        assert!(
            candidate("w".into(), Some("Fail".into()), None, seen()).is_none(),
            "runs outside the cluster"
        );
    }
}
