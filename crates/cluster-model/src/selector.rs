//! Label selectors (`metav1.LabelSelectorAsSelector`): an absent one selects nothing, an empty one everything.

pub mod query;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube_core::{Selector, SelectorExt};
use serde_json::Value;

pub fn parse(selector: Option<LabelSelector>) -> Option<Selector> {
    selector?.try_into().ok()
}

/// The same from raw JSON.
pub fn from_json(selector: &Value) -> Option<Selector> {
    parse(serde_json::from_value(selector.clone()).ok()?)
}

pub fn selects(selector: Option<&Selector>, labels: Option<&BTreeMap<String, String>>) -> bool {
    let Some(selector) = selector else { return false };
    match labels {
        Some(labels) => selector.matches(labels),
        None => selector.matches(&BTreeMap::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_absent_selector_selects_nothing_and_an_empty_one_everything() {
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        for (selector, labelled, bare) in [
            (json!(null), false, false),
            (json!({}), true, true),
            (json!({"matchLabels": {"app": "web"}}), true, false),
            (json!({"matchLabels": {"app": "db"}}), false, false),
            (json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}), true, false),
            (json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}), false, true),
            (json!({"matchExpressions": [{"key": "app", "operator": "Sideways"}]}), false, false),
        ] {
            let parsed = from_json(&selector);
            assert_eq!(selects(parsed.as_ref(), Some(&labels)), labelled, "{selector}");
            assert_eq!(selects(parsed.as_ref(), None), bare, "{selector}");
        }
    }
}
