//! What every server refuses in a label selector: that of a workload or of a budget, and those of where pods go. Pure.
//!
//! The rules are those of ValidateLabelSelector (`staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go`).

use cluster_model::Raw;
use cluster_model::raw::escaped;
use serde_json::Value;

use super::refusal::{Refused, dotted};
use super::values::is_label;

/// The first of it in the selector that is there.
pub fn refused(object: &Value, at: &str) -> Option<Refused> {
    let selector = object.pointer(at).filter(|it| it.is_object())?;
    let field = dotted(at);
    let of_labels = || {
        let labels = selector["matchLabels"].as_object()?.iter();
        let (key, value) = labels
            .map(|(key, value)| (key, value.as_str().unwrap_or_default()))
            .find(|(key, value)| !is_label(key, value))?;
        let at = format!("{at}/matchLabels/{}", escaped(key));
        Some(Refused::new(at, format!("{field}.matchLabels has {key}={value}, which is no label")))
    };
    let of_terms = || {
        selector.list("/matchExpressions").iter().enumerate().find_map(|(number, term)| {
            let (name, why) = wrong(term)?;
            let at = format!("{at}/matchExpressions/{number}/{name}");
            Some(Refused::new(at, format!("{field}.matchExpressions has {why}")))
        })
    };
    of_labels().or_else(of_terms)
}

/// The field of the term, and what is wrong with it.
fn wrong(term: &Value) -> Option<(&'static str, String)> {
    let (key, operator) = (term.text("/key"), term.text("/operator"));
    let values = term.list("/values");
    match operator {
        _ if !is_label(key, "") => Some(("key", format!("the key {key:?}, which is none of a label"))),
        "In" | "NotIn" if values.is_empty() => Some(("values", format!("{key} {operator} without values"))),
        "In" | "NotIn" => {
            let bad = values.iter().find(|it| !is_label(key, it.as_str().unwrap_or_default()))?;
            Some(("values", format!("the value {bad}, which is none of a label")))
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            Some(("values", format!("{key} {operator} with values")))
        }
        "Exists" | "DoesNotExist" => None,
        other => Some((
            "operator",
            format!("the operator {other:?}, which is none of In, NotIn, Exists and DoesNotExist"),
        )),
    }
}

/// Where a pod has selectors, beside those of volumes.
pub fn of_pods(spec: &Value) -> Option<Refused> {
    let affinities = ["podAffinity", "podAntiAffinity"].iter().flat_map(|kind| {
        let required = format!("/affinity/{kind}/requiredDuringSchedulingIgnoredDuringExecution");
        let preferred = format!("/affinity/{kind}/preferredDuringSchedulingIgnoredDuringExecution");
        [(required, ""), (preferred, "/podAffinityTerm")]
    });
    let mut lists = affinities.chain([("/topologySpreadConstraints".to_owned(), "")]);
    lists.find_map(|(list, within)| {
        let count = spec.list(&list).len();
        (0..count).find_map(|number| refused(spec, &format!("{list}/{number}{within}/labelSelector")))
    })
}
