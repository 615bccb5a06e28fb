//! Who wrote a template, as far as managedFields tell. Pure.

use cluster_model::Raw;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

/// Who wrote it between `seen` and `live`: the manager of an entry that is not in `seen` as it is now.
pub fn since<'a>(seen: &Value, live: &'a Value) -> Option<&'a str> {
    let before = seen.list("/metadata/managedFields");
    let newer = entries(live).filter(|entry| !before.contains(entry));
    newer.max_by_key(|entry| entry.time("/time")).map(|entry| entry.text("/manager"))
}

/// When `manager` last wrote there.
pub fn time_of(object: &Value, manager: &str) -> Option<Timestamp> {
    entries(object).filter(|entry| entry.text("/manager") == manager).filter_map(|e| e.time("/time")).max()
}

fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    let all = object.list("/metadata/managedFields").iter();
    all.filter(|entry| entry.pointer("/fieldsV1/f:spec/f:template").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry(manager: &str, time: &str) -> Value {
        json!({"manager": manager, "operation": "Update", "time": time,
            "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}}})
    }

    fn object(fields: Value) -> Value {
        json!({"metadata": {"managedFields": fields}})
    }

    #[test]
    fn whoever_wrote_the_template_since() {
        let helm = entry("helm", "2026-01-01T00:00:00Z");
        let argo = entry("argocd-controller", "2026-01-01T00:00:01Z");
        let scaled = json!({"manager": "hpa", "time": "2026-01-01T00:00:09Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}});
        let seen = object(json!([helm]));
        let cases = [
            (json!([helm, argo]), Some("argocd-controller")),
            (json!([entry("helm", "2026-01-01T00:00:05Z"), argo]), Some("helm")),
            (json!([helm, scaled]), None),
            (json!([]), None),
        ];
        for (now, expected) in cases {
            assert_eq!(since(&seen, &object(now.clone())), expected, "{now}");
        }
        let both = object(json!([helm, argo, scaled]));
        assert_eq!(time_of(&both, "helm"), "2026-01-01T00:00:00Z".parse().ok());
    }
}
