//! Templates as trees whose lists are matched as Kubernetes merges them: containers and variables by name, ports by number. Pure.

use std::collections::BTreeSet;

use cluster_model::rollout::{canonical, same};
use serde_json::Value;

/// The fields that name an item of such a list, alphabetically as in fieldsV1 (`+listMapKey` in api/core/v1/types.go).
/// Lists that are not here are one value.
pub fn key_fields(field: &str) -> &'static [&'static str] {
    match field {
        "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" | "resourceClaims"
        | "claims" | "schedulingGates" => &["name"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "ports" => &["containerPort", "protocol"],
        "hostAliases" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        _ => &[],
    }
}

/// `web`, `8080/TCP`; `None` for what cannot be matched by name.
fn name_of(field: &str, item: &Value) -> Option<String> {
    let parts = key_fields(field).iter().map(|key| match &item[key] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        // A port without a protocol is TCP; manifests leave it out, the server fills it in.
        Value::Null if *key == "protocol" => Some("TCP".to_owned()),
        _ => None,
    });
    let parts: Vec<String> = parts.collect::<Option<_>>()?;
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The items by name; `None` if the list is one value.
pub fn named<'a>(field: &str, value: &'a Value) -> Option<Vec<(String, &'a Value)>> {
    let items: Vec<(String, &Value)> =
        value.as_array()?.iter().map(|item| Some((name_of(field, item)?, item))).collect::<Option<_>>()?;
    let unique: BTreeSet<&String> = items.iter().map(|(name, _)| name).collect();
    (unique.len() == items.len() && !key_fields(field).is_empty()).then_some(items)
}

/// The item of that name.
pub fn item<'a>(field: &str, list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|item| name_of(field, item).is_some_and(|n| n == name))
}

/// Has no content: `null`, `{}`, `[]`, or only such.
fn empty(value: &Value) -> bool {
    match canonical(value) {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The parts of `tree`, each as high up as possible, of which none of `others` has anything: `spec.containers[web].env[OLD]`.
pub fn only_in(tree: &Value, others: &[&Value]) -> Vec<String> {
    let mut found = Vec::new();
    let others: Vec<Option<&Value>> = others.iter().map(|other| Some(*other)).collect();
    lonely("", "", tree, &others, &mut found);
    found
}

fn lonely(path: &str, field: &str, tree: &Value, others: &[Option<&Value>], found: &mut Vec<String>) {
    if empty(tree) {
        return;
    }
    if others.iter().all(|other| other.is_none_or(empty)) {
        found.push(path.to_owned());
    } else if let Value::Object(map) = tree {
        for (key, value) in map {
            let others: Vec<_> = others.iter().map(|other| other.and_then(|o| o.get(key))).collect();
            lonely(&below(path, key), key, value, &others, found);
        }
    } else if let Some(items) = named(field, tree) {
        for (name, value) in items {
            let others: Vec<_> =
                others.iter().map(|other| other.and_then(|o| item(field, o, &name))).collect();
            lonely(&format!("{path}[{name}]"), "", value, &others, found);
        }
    }
}

/// Where two trees differ, each at the deepest path that differs.
pub fn differences(a: &Value, b: &Value) -> Vec<String> {
    let mut found = Vec::new();
    differ("", "", a, b, &mut found);
    found
}

fn differ(path: &str, field: &str, a: &Value, b: &Value, found: &mut Vec<String>) {
    if same(a, b) || empty(a) && empty(b) {
        return;
    }
    let before = found.len();
    match (a, b) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                differ(&below(path, key), key, &a[key], &b[key], found);
            }
        }
        _ => {
            if let (Some(left), Some(right)) = (named(field, a), named(field, b)) {
                let names: BTreeSet<&String> = left.iter().chain(&right).map(|(name, _)| name).collect();
                for name in names {
                    let of = |list| item(field, list, name).unwrap_or(&Value::Null);
                    differ(&format!("{path}[{name}]"), "", of(a), of(b), found);
                }
            }
        }
    }
    // No path below differs: one value, or the same items in another order.
    if found.len() == before {
        found.push(path.to_owned());
    }
}

/// `a, b, c and 2 more`.
pub fn listed(paths: &[String]) -> String {
    const SHOWN: usize = 3;
    match paths.split_at_checked(SHOWN) {
        Some((first, rest)) if !rest.is_empty() => format!("{} and {} more", first.join(", "), rest.len()),
        _ => paths.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn web(env: Value) -> Value {
        json!({"spec": {"containers": [{"name": "web", "env": env, "ports": [{"containerPort": 80}]}]}})
    }

    #[test]
    fn parts_that_only_one_has_are_named_as_high_up_as_possible() {
        let both = web(json!([{"name": "NEW", "value": "1"}, {"name": "OLD", "value": "2"}]));
        let one = web(json!([{"name": "NEW", "value": "3"}]));
        assert_eq!(only_in(&both, &[&one]), ["spec.containers[web].env[OLD]"]);
        assert_eq!(only_in(&both, &[&one, &both]), [""; 0], "another has it");
        assert_eq!(only_in(&both, &[&json!({})]), [""], "all of it");
        assert_eq!(only_in(&one, &[&both]), [""; 0], "another value is no part of its own");
        let extra =
            json!({"spec": {"containers": [{"name": "web"}, {"name": "side"}], "nodeSelector": {"a": "b"}}});
        assert_eq!(only_in(&extra, &[&one]), ["spec.containers[side]", "spec.nodeSelector"]);
    }

    #[test]
    fn differences_are_named_as_deep_down_as_possible() {
        let cases = [
            (web(json!([])), web(json!(null)), vec![]),
            (
                web(json!([{"name": "A", "value": "1"}])),
                web(json!([{"name": "A", "value": "2"}])),
                vec!["spec.containers[web].env[A].value"],
            ),
            (
                web(json!([{"name": "A"}, {"name": "B"}])),
                web(json!([{"name": "B"}, {"name": "A"}])),
                vec!["spec.containers[web].env"],
            ),
            (
                json!({"spec": {"tolerations": [{"key": "a"}]}}),
                json!({"spec": {"tolerations": [{"key": "b"}]}}),
                vec!["spec.tolerations"],
            ),
            (
                json!({"ports": [{"containerPort": 80}]}),
                json!({"ports": [{"containerPort": 80, "protocol": "UDP"}]}),
                vec!["ports[80/TCP]", "ports[80/UDP]"],
            ),
        ];
        for (a, b, expected) in cases {
            assert_eq!(differences(&a, &b), expected, "{a} {b}");
        }
    }

    #[test]
    fn long_lists_are_cut_by_count() {
        let of = |n: usize| (1..=n).map(|i| i.to_string()).collect::<Vec<_>>();
        assert_eq!(listed(&of(3)), "1, 2, 3");
        assert_eq!(listed(&of(5)), "1, 2, 3 and 2 more");
        assert_eq!(listed(&[]), "");
    }

    fn any_tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(null)), Just(json!(1)), "[ab]".prop_map(Value::from)];
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map("(env|name|spec|x)", inner, 0..3).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn there_is_a_difference_exactly_where_there_is_one(a in any_tree(), b in any_tree()) {
            let (a, b) = (json!({"x": a}), json!({"x": b}));
            prop_assert_eq!(differences(&a, &b).is_empty(), same(&a, &b));
            prop_assert!(only_in(&a, &[&a]).is_empty());
        }
    }
}
