//! Webhooks without which no pod can be created.

use cluster_model::webhook::matches;
use cluster_model::{Raw, selector};
use k8s_openapi::api::admissionregistration::v1::RuleWithOperations;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The label by which an EndpointSlice names its Service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A webhook that fails closed and is called for pods that are created.
pub struct Webhook {
    /// As in `validate.example.com`.
    pub name: String,
    /// Namespace and name; `None` for one behind a URL.
    pub service: Option<(String, String)>,
    /// More decides whether it is called than can be evaluated here (CEL).
    pub has_conditions: bool,
    namespaces: Value,
    objects: Value,
}

/// Of a configuration.
pub fn of(configuration: &Value) -> impl Iterator<Item = Webhook> {
    configuration.list("/webhooks").iter().filter(|it| is_required(it)).map(|it| {
        let service = &it["clientConfig"]["service"];
        Webhook {
            name: it.text("/name").to_owned(),
            service: service
                .is_object()
                .then(|| (service.text("/namespace").to_owned(), service.text("/name").to_owned())),
            has_conditions: !it.list("/matchConditions").is_empty(),
            namespaces: it["namespaceSelector"].clone(),
            objects: it["objectSelector"].clone(),
        }
    })
}

/// The policy of those without one is Fail (`pkg/apis/admissionregistration/v1/defaults.go`).
fn is_required(webhook: &Value) -> bool {
    let is_pods = |rule: &Value| {
        // Nothing that is left out of a rule by old servers matters here.
        let rule: RuleWithOperations = serde_json::from_value(rule.clone()).unwrap_or_default();
        rule.scope.as_deref() != Some("Cluster") && matches(&rule, "CREATE", "", "pods")
    };
    webhook["failurePolicy"] != "Ignore" && webhook.list("/rules").iter().any(is_pods)
}

impl Webhook {
    /// Whatever their labels.
    pub fn is_called_for_all(&self) -> bool {
        let is_empty = |it: &Value| {
            it.as_object().is_none_or(|fields| {
                fields.values().all(|value| {
                    value.as_object().is_none_or(|map| map.is_empty())
                        && value.as_array().is_none_or(Vec::is_empty)
                })
            })
        };
        is_empty(&self.namespaces) && is_empty(&self.objects)
    }

    /// Is it called for a pod with these labels in a namespace with those? A selector that is left out selects all.
    pub fn is_called_for(
        &self,
        namespace: &BTreeMap<String, String>,
        pod: &BTreeMap<String, String>,
    ) -> bool {
        let selects = |wanted: &Value, labels| {
            let wanted = if wanted.is_null() { json!({}) } else { wanted.clone() };
            selector::selects(selector::from_json(&wanted).as_ref(), Some(labels))
        };
        selects(&self.namespaces, namespace) && selects(&self.objects, pod)
    }
}
