//! May a pod of a template run on a node, as far as the node itself decides? Not a check.
//! (component-helpers/scheduling/corev1: nodeaffinity and helpers.go.)

use cluster_model::{NodeExt, Raw};
use k8s_openapi::api::core::v1::{Node, Taint};
use serde_json::Value;

/// Why not, in a word that nodes can be counted by: `are cordoned`.
pub fn refusal(node: &Node, spec: &Value) -> Option<String> {
    let name = spec.text("/nodeName");
    if !name.is_empty() && name != node.name() {
        return Some(format!("are not {name}"));
    }
    if let Some(labels) = spec.map("/nodeSelector") {
        for (key, value) in labels {
            if label(node, key) != value.as_str() {
                return Some(format!("lack label {key}={}", value.as_str().unwrap_or_default()));
            }
        }
    }
    let terms = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    if spec.pointer(terms).is_some() && !spec.list(terms).iter().any(|term| selects(term, node)) {
        return Some("do not match its node affinity".to_owned());
    }
    let tolerations = spec.list("/tolerations");
    if node.is_cordoned() && !tolerations.iter().any(|t| tolerates(t, &cordon())) {
        return Some("are cordoned".to_owned());
    }
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let untolerated = taints
        .iter()
        .filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
        .find(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)))?;
    Some(format!("have taint {}", untolerated.key))
}

fn label<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

fn cordon() -> Taint {
    Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    }
}

fn tolerates(toleration: &Value, taint: &Taint) -> bool {
    let (key, effect) = (toleration.text("/key"), toleration.text("/effect"));
    if !effect.is_empty() && effect != taint.effect || !key.is_empty() && key != taint.key {
        return false;
    }
    match toleration.text("/operator") {
        "Exists" => true,
        "" | "Equal" => {
            !key.is_empty() && toleration.text("/value") == taint.value.as_deref().unwrap_or_default()
        }
        // A comparison of numbers (KEP-5471): not computed, so not held against the node.
        _ => true,
    }
}

/// A term without requirements selects nothing.
fn selects(term: &Value, node: &Node) -> bool {
    let (labels, fields) = (term.list("/matchExpressions"), term.list("/matchFields"));
    if labels.is_empty() && fields.is_empty() {
        return false;
    }
    labels.iter().all(|requirement| meets(requirement, label(node, requirement.text("/key"))))
        // The one field there is: metadata.name.
        && fields.iter().all(|requirement| meets(requirement, Some(node.name())))
}

fn meets(requirement: &Value, value: Option<&str>) -> bool {
    let values = requirement.list("/values");
    let listed = value.is_some_and(|value| values.iter().any(|v| v == value));
    let number = |value: Option<&str>| value.and_then(|value| value.parse::<i64>().ok());
    let bound = number(values.first().and_then(Value::as_str));
    match requirement.text("/operator") {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => number(value).zip(bound).is_some_and(|(value, bound)| value > bound),
        "Lt" => number(value).zip(bound).is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::build;
    use serde_json::json;

    fn node(edit: Value) -> Node {
        let mut whole = json!({"metadata": {"labels": {"disk": "ssd", "cores": "8"}}});
        build::merge(&mut whole, edit);
        build::node("n1", whole)
    }

    fn affinity(key: &str, operator: &str, values: &[&str]) -> Value {
        let term = json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}})
    }

    #[test]
    fn labels_and_affinity() {
        let lacks = Some("lack label disk=hdd");
        let not = Some("do not match its node affinity");
        let fields = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]});
        let required = |terms: Value| json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}});
        let cases = [
            (json!({}), None),
            (json!({"nodeSelector": {"disk": "ssd"}}), None),
            (json!({"nodeSelector": {"disk": "hdd"}}), lacks),
            (json!({"nodeName": "n2"}), Some("are not n2")),
            (affinity("disk", "In", &["ssd", "hdd"]), None),
            (affinity("disk", "In", &["hdd"]), not),
            (affinity("disk", "NotIn", &["ssd"]), not),
            (affinity("zone", "NotIn", &["a"]), None),
            (affinity("disk", "Exists", &[]), None),
            (affinity("disk", "DoesNotExist", &[]), not),
            (affinity("cores", "Gt", &["7"]), None),
            (affinity("cores", "Lt", &["7"]), not),
            (required(json!([{}])), not),
            (required(json!([{}, fields])), None),
        ];
        for (spec, expected) in cases {
            assert_eq!(refusal(&node(json!({})), &spec).as_deref(), expected, "{spec}");
        }
    }

    #[test]
    fn cordons_and_taints() {
        let tainted = |effect: &str| {
            node(json!({"spec": {"taints": [{"key": "gpu", "value": "yes", "effect": effect}]}}))
        };
        let cordoned = node(json!({"spec": {"unschedulable": true}}));
        let toleration = |toleration: Value| json!({"tolerations": [toleration]});
        let all = toleration(json!({"operator": "Exists"}));
        let cases = [
            (&tainted("NoSchedule"), json!({}), Some("have taint gpu")),
            (&tainted("NoExecute"), json!({}), Some("have taint gpu")),
            (&tainted("PreferNoSchedule"), json!({}), None),
            (&tainted("NoSchedule"), toleration(json!({"key": "gpu", "value": "yes"})), None),
            (
                &tainted("NoSchedule"),
                toleration(json!({"key": "gpu", "value": "no"})),
                Some("have taint gpu"),
            ),
            (
                &tainted("NoSchedule"),
                toleration(json!({"key": "gpu", "operator": "Exists", "effect": "NoExecute"})),
                Some("have taint gpu"),
            ),
            (&tainted("NoSchedule"), all.clone(), None),
            (&cordoned, json!({}), Some("are cordoned")),
            (&cordoned, all, None),
        ];
        for (node, spec, expected) in cases {
            assert_eq!(refusal(node, &spec).as_deref(), expected, "{spec}");
        }
    }
}
