//! LimitRanges: what they add to a pod's template, and what they refuse (`plugin/pkg/admission/limitranger/admission.go`).

use serde_json::Value;
#[cfg(any(test, feature = "build"))]
use serde_json::json;

use crate::Raw;
use crate::pod::resources::{Amounts, limits, of_container, requests};
use crate::quantity::{from_json, show};

fn items<'a>(ranges: &'a [&Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    ranges.iter().flat_map(|it| it.list("/spec/limits")).filter(move |it| it["type"] == kind)
}

/// The spec with the limits and requests that its containers are given where they have none.
pub fn completed(spec: &Value, ranges: &[&Value]) -> Value {
    let mut spec = spec.clone();
    for item in items(ranges, "Container") {
        for field in ["containers", "initContainers"] {
            for container in spec.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
                for (default, to) in [("default", "limits"), ("defaultRequest", "requests")] {
                    for (resource, amount) in item[default].as_object().into_iter().flatten() {
                        let own = &mut container["resources"][to][resource];
                        if own.is_null() {
                            *own = amount.clone();
                        }
                    }
                }
            }
        }
    }
    spec
}

/// Why pods with this spec, completed, are refused: as in `container web: limits.cpu is 2, and at most 1 is allowed`.
pub fn violations(spec: &Value, ranges: &[&Value]) -> Vec<String> {
    let mut found = Vec::new();
    for item in items(ranges, "Container") {
        for container in ["/containers", "/initContainers"].into_iter().flat_map(|at| spec.list(at)) {
            let (asks, may) = (of_container(container, "requests"), of_container(container, "limits"));
            let all = compare(item, &asks, &may);
            found.extend(all.map(|it| format!("container {}: {it}", container.text("/name"))));
        }
    }
    let (asks, may) = (requests(spec), limits(spec));
    for item in items(ranges, "Pod") {
        found.extend(compare(item, &asks, &may));
    }
    found
}

fn compare<'a>(item: &'a Value, asks: &'a Amounts, may: &'a Amounts) -> impl Iterator<Item = String> + 'a {
    let amounts = |field: &str| {
        let all = item[field].as_object().into_iter().flatten();
        all.filter_map(|(resource, amount)| Some((resource, from_json(amount)?))).collect::<Vec<_>>()
    };
    let least = amounts("min").into_iter().filter_map(|(resource, least)| match asks.get(resource) {
        None => {
            Some(format!("it requests no {resource}, and at least {} is required", show(resource, least)))
        }
        Some(own) if *own < least => Some(format!(
            "requests.{resource} is {}, and at least {} is required",
            show(resource, *own),
            show(resource, least)
        )),
        Some(_) => None,
    });
    let most = amounts("max").into_iter().filter_map(|(resource, most)| match may.get(resource) {
        None => {
            Some(format!("it has no limit of {resource}, and at most {} is allowed", show(resource, most)))
        }
        Some(own) if *own > most => Some(format!(
            "limits.{resource} is {}, and at most {} is allowed",
            show(resource, *own),
            show(resource, most)
        )),
        Some(_) => None,
    });
    least.chain(most)
}

/// For tests and examples: a LimitRange with one item.
#[cfg(any(test, feature = "build"))]
pub fn build(namespace: &str, item: Value) -> Value {
    json!({"kind": "LimitRange", "metadata": {"namespace": namespace, "name": "limits"}, "spec": {"limits": [item]}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(resources: Value) -> Value {
        json!({"containers": [{"name": "web", "resources": resources}]})
    }

    #[test]
    fn defaults_are_added_where_nothing_is_set() {
        let range = build(
            "shop",
            json!({"type": "Container", "default": {"cpu": "1", "memory": "1Gi"}, "defaultRequest": {"cpu": "100m"}}),
        );
        let own = spec(json!({"limits": {"cpu": "2"}}));
        let expected = json!({"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "100m"}});
        assert_eq!(completed(&own, &[&range]), spec(expected));
        let of_pods = build("shop", json!({"type": "Pod", "default": {"cpu": "1"}}));
        assert_eq!(completed(&own, &[&of_pods]), own);
    }

    #[test]
    fn what_is_refused() {
        let max = |kind: &str| json!({"type": kind, "max": {"cpu": "1"}});
        let min = json!({"type": "Container", "min": {"memory": "64Mi"}});
        for (item, resources, expected) in [
            (
                max("Container"),
                json!({"limits": {"cpu": "2"}}),
                Some("container web: limits.cpu is 2, and at most 1 is allowed"),
            ),
            (max("Container"), json!({"limits": {"cpu": "1"}}), None),
            (
                max("Container"),
                json!({}),
                Some("container web: it has no limit of cpu, and at most 1 is allowed"),
            ),
            (max("Pod"), json!({"limits": {"cpu": "2"}}), Some("limits.cpu is 2, and at most 1 is allowed")),
            (
                min.clone(),
                json!({"requests": {"memory": "32Mi"}}),
                Some("container web: requests.memory is 32Mi, and at least 64Mi is required"),
            ),
            (min.clone(), json!({"limits": {"memory": "64Mi"}}), None),
            (min, json!({}), Some("container web: it requests no memory, and at least 64Mi is required")),
        ] {
            let range = build("shop", item);
            assert_eq!(
                violations(&spec(resources.clone()), &[&range]),
                Vec::from_iter(expected),
                "{resources}"
            );
        }
    }
}
