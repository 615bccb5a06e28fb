//! What a ResourceQuota counts of a pod, and which pods it counts (`pkg/quota/v1/evaluator/core/pods.go`).

use serde_json::Value;

use crate::Raw;
use crate::pod::resources::{Amounts, limits, requests};
use crate::quantity::ONE;

/// What a limit of a quota counts: `requests.cpu` and `cpu` are the same (pkg/quota/v1/evaluator/core/pods.go).
pub fn resource(name: &str) -> &str {
    match name {
        "count/pods" => "pods",
        "cpu" => "requests.cpu",
        "memory" => "requests.memory",
        "ephemeral-storage" => "requests.ephemeral-storage",
        other => other,
    }
}

/// What one pod counts, by the quotas' names. What a LimitRange would add is not known here; the dry run of a pod sees it.
pub fn counted(spec: &Value) -> Amounts {
    let mut counted = Amounts::from([("pods".to_owned(), ONE)]);
    counted.extend(requests(spec).into_iter().map(|(name, amount)| (format!("requests.{name}"), amount)));
    counted.extend(limits(spec).into_iter().map(|(name, amount)| (format!("limits.{name}"), amount)));
    counted
}

/// Does this quota count such a pod? A quota with an unknown scope is taken not to.
pub fn applies(quota: &Value, spec: &Value, each: &Amounts) -> bool {
    let best_effort = !each.keys().any(|name| name.ends_with(".cpu") || name.ends_with(".memory"));
    let class = spec.text("/priorityClassName");
    let plain = quota
        .list("/spec/scopes")
        .iter()
        .map(|scope| (scope.as_str().unwrap_or_default(), "Exists", &[][..]));
    let selected = quota.list("/spec/scopeSelector/matchExpressions").iter();
    let selected = selected.map(|e| (e.text("/scopeName"), e.text("/operator"), e.list("/values")));
    plain.chain(selected).all(|(scope, operator, values)| match scope {
        // A pod that is meant to go on has no deadline.
        "Terminating" => !spec["activeDeadlineSeconds"].is_null(),
        "NotTerminating" => spec["activeDeadlineSeconds"].is_null(),
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        "PriorityClass" => {
            let listed = values.iter().any(|value| value == class);
            match operator {
                "Exists" => !class.is_empty(),
                "DoesNotExist" => class.is_empty(),
                "In" => listed,
                "NotIn" => !listed,
                _ => false,
            }
        }
        _ => false,
    })
}
