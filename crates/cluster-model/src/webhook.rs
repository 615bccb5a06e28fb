//! Admission webhooks, reduced to what a drain needs: would the API refuse requests while the backend is down?

use k8s_openapi::api::admissionregistration::v1::RuleWithOperations;

/// One webhook that fails closed and matches requests that a drain, or a controller that recreates its pods, makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// `ValidatingWebhookConfiguration NAME (webhook NAME)`.
    pub label: String,
    /// The Service behind it.
    pub service: String,
    /// The requests that it matches, as in `CREATE pods`.
    pub requests: String,
    /// UIDs of the Ready pods behind the Service, wherever they run.
    pub backends: Vec<String>,
}

/// Does this rule mean such a request? (apiserver `pkg/admission/plugin/webhook/predicates/rules/rules.go`)
pub fn matches(rule: &RuleWithOperations, operation: &str, group: &str, resource: &str) -> bool {
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
