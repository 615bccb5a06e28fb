//! Who wrote the live template, and when: by the workload's managedFields, which may be stripped.

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::{Entry, TEMPLATE, entries};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// As in `kubectl-client-side-apply`, `helm`, `argocd-controller`.
    pub manager: String,
    /// `Update` or `Apply`.
    pub operation: String,
    /// Of the manager's last write. Exactly the template's, if it manages nothing else.
    pub at: Timestamp,
    /// It manages the template and metadata only, so that no later write can be about anything else in the spec.
    pub only_template: bool,
}

/// The latest writer of anything in the template. A change that only removes fields leaves no trace
/// (structured-merge-diff counts what a manager sets), so this may be an earlier one.
pub fn written(object: &Value) -> Option<Written> {
    holders(object).filter_map(Written::of).max_by_key(|written| written.at)
}

/// Who wrote it since its managedFields were `before`. Times are whole seconds, and one second holds many writes; so a manager that
/// manages more of the template now counts as well as one that wrote later. One that only lost fields to others did not write.
pub fn since(before: &[Value], live: &Value) -> Option<Written> {
    let is_newer = |now: &Entry<'_>| match before.iter().map(Entry::of).find(|then| then.id() == now.id()) {
        Some(then) => {
            let of = |entry: &Entry<'_>| entry.fields["f:spec"]["f:template"].clone();
            now.time > then.time || !is_within(&of(now), &of(&then))
        }
        None => true,
    };
    holders(live).filter(is_newer).filter_map(Written::of).max_by_key(|written| written.at)
}

/// Fields are nested maps, and a field that is managed is a key in one.
fn is_within(some: &Value, all: &Value) -> bool {
    let fields = some.as_object().into_iter().flatten();
    fields.into_iter().all(|(key, inside)| all.get(key).is_some_and(|there| is_within(inside, there)))
}

/// When `manager` last wrote there.
pub fn time_of(object: &Value, manager: &str) -> Option<Timestamp> {
    holders(object).filter(|entry| entry.manager == manager).filter_map(|entry| entry.time).max()
}

/// The entries of those who manage something in the template.
fn holders(object: &Value) -> impl Iterator<Item = Entry<'_>> {
    entries(object).filter(|entry| entry.subresource.is_empty() && entry.has(TEMPLATE))
}

impl Written {
    fn of(entry: Entry<'_>) -> Option<Self> {
        let only = |field: &str, allowed: &str| keys(entry.fields.get(field)).all(|key| key == allowed);
        Some(Written {
            manager: entry.manager.to_owned(),
            operation: entry.operation.to_owned(),
            at: entry.time?,
            only_template: only("f:spec", "f:template")
                && keys(Some(entry.fields)).all(|key| matches!(key, "f:spec" | "f:metadata")),
        })
    }
}

fn keys(fields: Option<&Value>) -> impl Iterator<Item = &str> {
    fields
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|map| map.keys().map(String::as_str))
        .filter(|key| *key != ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Raw;
    use serde_json::json;

    fn of(entries: Value) -> Option<(String, i64, bool)> {
        let object = json!({"metadata": {"name": "web", "managedFields": entries}});
        written(&object).map(|w| (w.manager, w.at.as_second(), w.only_template))
    }

    fn entry(manager: &str, second: i64, fields: Value) -> Value {
        json!({"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
            "time": Timestamp::from_second(second).unwrap().to_string(), "fieldsV1": fields})
    }

    #[test]
    fn the_latest_holder_of_template_fields() {
        let image =
            json!({"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}});
        let all = json!({"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {}}}});
        let only = json!({"f:metadata": {"f:annotations": {}}, "f:spec": image});
        let status = json!({"manager": "kube-controller-manager", "time": "2030-01-01T00:00:00Z", "subresource": "status",
            "fieldsV1": {"f:spec": {"f:template": {}}}});
        let scale = entry("hpa", 900, json!({"f:spec": {"f:replicas": {}}}));
        for (entries, expected) in [
            (json!([entry("helm", 100, all.clone())]), Some(("helm", 100, false))),
            (
                json!([entry("helm", 100, all.clone()), entry("kubectl-set", 200, only.clone())]),
                Some(("kubectl-set", 200, true)),
            ),
            (
                json!([entry("kubectl-set", 200, only), entry("helm", 300, all), scale, status]),
                Some(("helm", 300, false)),
            ),
            (json!([]), None),
            (Value::Null, None),
        ] {
            assert_eq!(
                of(entries.clone()),
                expected.map(|(m, at, only)| (m.to_owned(), at, only)),
                "{entries}"
            );
        }
    }

    fn holds(manager: &str, time: &str) -> Value {
        json!({"manager": manager, "operation": "Update", "time": time,
            "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}}})
    }

    fn object(fields: Value) -> Value {
        json!({"metadata": {"managedFields": fields}})
    }

    #[test]
    fn whoever_wrote_the_template_since() {
        let helm = holds("helm", "2026-01-01T00:00:00Z");
        let argo = holds("argocd-controller", "2026-01-01T00:00:01Z");
        let scaled = json!({"manager": "hpa", "time": "2026-01-01T00:00:09Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}});
        let seen = object(json!([helm]));
        let all = |manager: &str| {
            json!({"manager": manager, "operation": "Update", "time": "2026-01-01T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:volumes": {}}}}}})
        };
        // Within one second: `argo` takes a field from `zeus`.
        let robbed = since(
            &[all("zeus")],
            &object(json!([holds("argo", "2026-01-01T00:00:00Z"), holds("zeus", "2026-01-01T00:00:00Z")])),
        );
        assert_eq!(robbed.map(|written| written.manager), Some("argo".to_owned()));
        let grown = since(
            &[holds("argo", "2026-01-01T00:00:00Z"), all("zeus")],
            &object(json!([all("argo"), holds("zeus", "2026-01-01T00:00:00Z")])),
        );
        assert_eq!(grown.map(|written| written.manager), Some("argo".to_owned()));
        let cases = [
            (json!([helm, argo]), Some("argocd-controller")),
            (json!([holds("helm", "2026-01-01T00:00:05Z"), argo]), Some("helm")),
            (json!([helm, scaled]), None),
            (json!([]), None),
        ];
        for (now, expected) in cases {
            let found = since(seen.list("/metadata/managedFields"), &object(now.clone()));
            assert_eq!(found.map(|written| written.manager).as_deref(), expected, "{now}");
        }
        let both = object(json!([helm, argo, scaled]));
        assert_eq!(time_of(&both, "helm"), "2026-01-01T00:00:00Z".parse().ok());
    }
}
