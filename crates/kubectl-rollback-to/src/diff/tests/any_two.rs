//! What holds for any two templates.

use cluster_model::build::merge;
use cluster_model::rollout::same;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Change, Difference, defaulted, diff, masked_pair, unified};
use super::{base, lines_of};

/// Fields that are known here and such that are not, with sound values and unsound ones.
fn any_template() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        Just(json!(true)),
        (1..4i64).prop_map(Value::from),
        "[a-c]{1,2}".prop_map(Value::from),
        Just(json!("500m")),
        Just(json!("Always")),
    ];
    let key = prop_oneof![
        3 => proptest::sample::select(vec![
            "name", "value", "image", "env", "valueFrom", "ports", "containerPort", "resources", "requests", "limits",
            "livenessProbe", "httpGet", "exec", "command", "args", "volumeMounts", "mountPath", "securityContext", "affinity",
            "nodeAffinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms", "tolerations",
            "configMap", "emptyDir", "projected", "sources", "hostAliases", "ip", "imagePullSecrets", "lifecycle", "preStop",
            "envFrom", "topologySpreadConstraints", "nodeSelector", "volumeDevices", "devicePath",
        ]).prop_map(str::to_owned),
        1 => "[x-z/ ~#]{1,2}",
    ];
    let tree = scalar.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    });
    let top = proptest::sample::select(vec![
        "/spec",
        "/spec/containers",
        "/spec/containers/0",
        "/spec/containers/0/env",
        "/spec/containers/0/env/0",
        "/spec/initContainers",
        "/spec/volumes",
        "/spec/volumes/0",
        "/spec/volumes/1",
        "/spec/affinity",
        "/spec/tolerations",
        "/metadata",
        "/metadata/labels",
        "/metadata/annotations",
        "/spec/containers/0/livenessProbe",
        "/spec/containers/0/ports",
        "/spec/containers/0/resources",
        "/spec/containers/0/securityContext",
        "/spec/nodeSelector",
    ]);
    (top, tree).prop_map(|(top, tree)| {
        let mut template = base();
        // Parts of the base stay, so that both sides have something in common.
        merge(template.pointer_mut(top).unwrap(), tree);
        template
    })
}

/// Every list in one order: what is left of a difference then is no matter of order.
fn ordered(value: &Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(ordered).collect();
            list.sort_by_cached_key(Value::to_string);
            Value::Array(list)
        }
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), ordered(value))).collect(),
        other => other.clone(),
    }
}

/// Without what the tables above show to be no difference: defaults, and order.
fn spelt_out(value: &Value) -> Value {
    ordered(&defaulted::settled(value))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn nothing_that_differs_is_left_out(a in any_template(), b in any_template()) {
        let found = diff(&a, &b, true);
        if same(&a, &b) {
            prop_assert_eq!(lines_of(&found), Vec::<String>::new());
        } else if !same(&spelt_out(&a), &spelt_out(&b)) {
            prop_assert!(!found.differences.is_empty(), "{} {}", a, b);
            prop_assert_ne!(found.headline(), "nothing");
        }
    }

    #[test]
    fn any_two_can_be_compared_either_way(a in any_template(), b in any_template()) {
        let (there, back) = (diff(&a, &b, false), diff(&b, &a, false));
        let turned: Vec<Difference> = back.differences.into_iter().map(|d| Difference {
            change: match d.change { Change::Added => Change::Removed, Change::Removed => Change::Added, Change::Changed => Change::Changed },
            from: d.to, to: d.from, ..d
        }).collect();
        let sorted = |mut list: Vec<Difference>| { list.sort_by_key(|d| (d.place.clone(), d.field.clone(), d.from.clone(), d.to.clone())); list };
        prop_assert_eq!(sorted(there.differences), sorted(turned));
        prop_assert!(diff(&a, &a, false).differences.is_empty());
    }

    #[test]
    fn no_secret_gets_out(secret in "[a-z]{3}[0-9]{9}[A-Z]{9}", place in 0..7usize) {
        let put = |word: &str| {
            let mut template = base();
            let web = &mut template["spec"]["containers"][0];
            match place {
                0 => web["env"][2] = json!({"name": "API_TOKEN", "value": word}),
                1 => web["env"][2] = json!({"name": "URL", "value": format!("pg://u:{word}@db")}),
                2 => web["args"] = json!(["--password", word]),
                3 => web["args"] = json!(["-c", format!("serve --api-key={word} && true")]),
                4 => web["livenessProbe"]["exec"] = json!({"command": ["curl", "-H", format!("Authorization: Bearer {word}")]}),
                5 => template["metadata"]["annotations"]["db/password"] = json!(word),
                _ => web["somethingNew"] = json!({"headers": [{"name": "X-Auth", "value": word}]}),
            }
            template
        };
        let (from, to) = (put(&secret), put("another"));
        for (a, b) in [(&from, &to), (&to, &from), (&base(), &from)] {
            let found = diff(a, b, false);
            prop_assert!(!found.differences.is_empty());
            let json = serde_json::to_string(&found).unwrap();
            prop_assert!(!json.contains(&secret), "{json}");
            let lines: Vec<String> = unified(a, b, false, ("a", "b")).iter().map(plugin_client::Line::text).collect();
            prop_assert!(!lines.is_empty());
            prop_assert!(!lines.concat().contains(&secret), "{lines:?}");
            let (left, right) = masked_pair(a, b, false);
            prop_assert!(!left.to_string().contains(&secret) && !right.to_string().contains(&secret));
        }
    }
}
