//! Taints and tolerations (`k8s.io/api/core/v1/toleration.go`, ToleratesTaint).

use k8s_openapi::api::core::v1::{Taint, Toleration};

/// The taint of a cordoned node (`pkg/controller/nodelifecycle`, from `spec.unschedulable`).
pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// What a cordon adds to the node; it has no value.
pub fn cordon() -> Taint {
    Taint { key: UNSCHEDULABLE.to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() }
}

pub fn tolerated(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| tolerates(toleration, taint))
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let (key, effect) = (text(&toleration.key), text(&toleration.effect));
    // An empty effect or key is any.
    if !effect.is_empty() && effect != taint.effect || !key.is_empty() && key != taint.key {
        return false;
    }
    let (tolerated, value) = (text(&toleration.value), text(&taint.value));
    let numbers = || Some((value.parse::<i64>().ok()?, tolerated.parse::<i64>().ok()?));
    match toleration.operator.as_deref().unwrap_or_default() {
        "Exists" => true,
        "" | "Equal" => tolerated == value,
        // KEP-5471: the number of the taint against that of the toleration. What is stored with them is compared by them;
        // without the feature gate (alpha in 1.35) the server does not store them.
        "Lt" => numbers().is_some_and(|(taint, toleration)| taint < toleration),
        "Gt" => numbers().is_some_and(|(taint, toleration)| taint > toleration),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn taint(value: &str) -> Taint {
        serde_json::from_value(json!({"key": "sla", "value": value, "effect": "NoSchedule"})).unwrap()
    }

    /// The cases of `toleration_test.go`.
    #[test]
    fn operators_keys_and_effects() {
        let with = |operator: &str, value: &str| json!({"key": "sla", "operator": operator, "value": value});
        for (toleration, value, expected) in [
            (json!({"operator": "Exists"}), "a", true),
            (json!({"operator": "Exists", "effect": "NoExecute"}), "a", false),
            (json!({"key": "sla", "operator": "Exists", "effect": "NoSchedule"}), "a", true),
            (json!({"key": "other", "operator": "Exists"}), "a", false),
            (json!({"key": "sla", "value": "a"}), "a", true),
            (json!({"key": "sla", "value": "a"}), "b", false),
            (json!({"key": "sla"}), "", true),
            (with("Equal", "a"), "a", true),
            (with("Gt", "750"), "950", true),
            (with("Gt", "950"), "950", false),
            (with("Gt", "950"), "750", false),
            (with("Lt", "950"), "800", true),
            (with("Lt", "800"), "950", false),
            (with("Lt", "-5"), "-6", true),
            (with("Lt", "950"), "low", false),
            (with("Lt", "high"), "950", false),
            (with("Lt", "950"), "", false),
            (with("SemverGt", "1.2"), "1.3", false),
        ] {
            let typed: Toleration = serde_json::from_value(toleration.clone()).unwrap();
            assert_eq!(tolerated(&[typed], &taint(value)), expected, "{toleration} {value}");
        }
        assert!(!tolerated(&[], &taint("a")));
    }

    #[test]
    fn a_cordon_is_tolerated_by_key_or_by_everything() {
        let tolerates = |toleration: Value| {
            let typed: Toleration = serde_json::from_value(toleration).unwrap();
            tolerated(&[typed], &cordon())
        };
        assert!(tolerates(json!({"operator": "Exists"})));
        assert!(tolerates(json!({"key": UNSCHEDULABLE, "effect": "NoSchedule"})));
        assert!(!tolerates(json!({"key": UNSCHEDULABLE, "value": "x"})));
        assert!(
            !tolerates(json!({"key": UNSCHEDULABLE, "operator": "Gt", "value": "1"})),
            "it has no number"
        );
    }
}
