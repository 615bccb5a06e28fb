//! Pod templates as raw JSON: cleaning, comparing, and the few fields that are read everywhere.

use serde_json::{Map, Value};

use crate::raw::Raw;

/// Without what has no meaning: nulls (`creationTimestamp: null` left the JSON with Kubernetes 1.34), strategic-merge
/// directives of ControllerRevisions (`$patch`), and empty maps and lists. For comparing, never for writing.
pub fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept: Map<String, Value> = map
                .iter()
                .filter(|(key, _)| !key.starts_with('$'))
                .map(|(key, value)| (key.clone(), canonical(value)))
                .filter(|(_, value)| !is_empty(value))
                .collect();
            Value::Object(kept)
        }
        Value::Array(list) => Value::Array(list.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

/// Equal as far as a client can compare. Only the server's dry run is certain: it also fills in defaults.
pub fn same(a: &Value, b: &Value) -> bool {
    canonical(a) == canonical(b)
}

/// Fit to be written: as kept, without directives, nulls and the label that a controller adds.
pub(super) fn writable(template: &Value, hash_label: &str) -> Value {
    let mut template = without_nulls(template);
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(hash_label);
    }
    template
}

/// Nulls and strategic-merge directives alone; empty maps stay: `emptyDir: {}`.
pub fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(key, value)| !key.starts_with('$') && !value.is_null())
                .map(|(key, value)| (key.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// Ordinary containers, then init containers (sidecars are among them).
pub fn containers(template: &Value) -> impl Iterator<Item = &Value> {
    containers_of(&template["spec"])
}

/// The same of the spec alone.
pub fn containers_of<J: Raw>(spec: &J) -> impl Iterator<Item = &J> {
    ["/containers", "/initContainers"].into_iter().flat_map(|at| spec.list(at))
}

/// (container, image) in the template's order.
pub fn images(template: &Value) -> Vec<(String, String)> {
    containers(template).map(|c| (c.text("/name").to_owned(), c.text("/image").to_owned())).collect()
}

/// `kubectl rollout restart` writes it into the template and changes nothing else (`polymorphichelpers/objectrestarter.go`).
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// As if it had never been restarted.
pub fn without_restart(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(annotations) = template.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(RESTARTED_AT);
    }
    template
}

/// Does nothing but `kubectl rollout restart` lie between the two?
pub fn restart_only(a: &Value, b: &Value) -> bool {
    restarted_at(a) != restarted_at(b) && same(&without_restart(a), &without_restart(b))
}

/// When `kubectl rollout restart` made this template, if it did.
pub fn restarted_at(template: &Value) -> Option<&str> {
    template.annotation(RESTARTED_AT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_has_no_meaning_is_not_a_difference() {
        let old = json!({"metadata": {"creationTimestamp": null, "labels": {"app": "web"}}, "$patch": "replace",
            "spec": {"containers": [{"name": "web", "resources": {}}], "volumes": []}});
        let new = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}});
        assert!(same(&old, &new));
        let other =
            json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "api"}]}});
        assert!(!same(&old, &other));
    }

    #[test]
    fn a_restart_changes_one_annotation() {
        let template = |at: Option<&str>, image: &str| json!({"metadata": {"annotations": {RESTARTED_AT: at}}, "spec": {"containers": [{"image": image}]}});
        let never = json!({"spec": {"containers": [{"image": "a"}]}});
        for (a, b, expected) in [
            (&never, &template(Some("1"), "a"), true),
            (&template(Some("1"), "a"), &template(Some("2"), "a"), true),
            (&template(Some("1"), "a"), &template(Some("1"), "a"), false),
            (&template(Some("1"), "a"), &template(Some("2"), "b"), false),
            (&never, &template(None, "a"), false),
        ] {
            assert_eq!(restart_only(a, b), expected, "{a} {b}");
        }
        assert_eq!(canonical(&without_restart(&template(Some("1"), "a"))), never);
    }

    #[test]
    fn what_is_written_keeps_every_field_with_a_meaning() {
        let kept = json!({"metadata": {"creationTimestamp": null, "labels": {"app": "web", "pod-template-hash": "5c9f"}},
            "$patch": "replace",
            "spec": {"containers": [{"name": "web", "resources": {}, "unknownField": {"x": 1}}], "securityContext": {}}});
        assert_eq!(
            writable(&kept, "pod-template-hash"),
            json!({"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "resources": {}, "unknownField": {"x": 1}}], "securityContext": {}}})
        );
    }
}
