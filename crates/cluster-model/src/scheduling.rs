//! May a pod of a template run on a node, as far as the node itself decides? The scheduler's filters NodeName, NodeAffinity,
//! NodeUnschedulable and TaintToleration (`component-helpers/scheduling/corev1`).

use std::fmt;

use k8s_openapi::api::core::v1::{Node, Toleration};
use serde_json::Value;

use crate::pod::resources::Amounts;
use crate::toleration::{cordon, tolerated};
use crate::{NodeExt, Raw, quantity};

/// The first thing that keeps a pod off a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// `spec.nodeName` is this other node.
    NodeName(String),
    NodeSelector {
        key: String,
        value: String,
    },
    NodeAffinity,
    Cordoned,
    /// The key of a taint that is not tolerated.
    Taint(String),
}

/// Nodes can be counted by it: `3 nodes are cordoned`.
impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::NodeName(name) => write!(f, "are not {name}"),
            Misfit::NodeSelector { key, value } => write!(f, "lack label {key}={value}"),
            Misfit::NodeAffinity => f.write_str("do not match its node affinity"),
            Misfit::Cordoned => f.write_str("are cordoned"),
            Misfit::Taint(key) => write!(f, "have taint {key}"),
        }
    }
}

/// `spec`: of the pod or of its template.
pub fn misfit(node: &Node, spec: &Value) -> Option<Misfit> {
    let name = spec.text("/nodeName");
    if !name.is_empty() && name != node.name() {
        return Some(Misfit::NodeName(name.to_owned()));
    }
    if let Some(labels) = spec.map("/nodeSelector") {
        for (key, value) in labels {
            if label(node, key) != value.as_str() {
                let value = value.as_str().unwrap_or_default().to_owned();
                return Some(Misfit::NodeSelector { key: key.clone(), value });
            }
        }
    }
    let terms = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
    if spec.pointer(terms).is_some() && !spec.list(terms).iter().any(|term| selects(term, node)) {
        return Some(Misfit::NodeAffinity);
    }
    let tolerations: Vec<Toleration> = spec.list("/tolerations").iter().filter_map(typed).collect();
    if node.is_cordoned() && !tolerated(&tolerations, &cordon()) {
        return Some(Misfit::Cordoned);
    }
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref()).unwrap_or_default();
    let untolerated = taints
        .iter()
        .filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
        .find(|taint| !tolerated(&tolerations, taint))?;
    Some(Misfit::Taint(untolerated.key.clone()))
}

fn typed(toleration: &Value) -> Option<Toleration> {
    serde_json::from_value(toleration.clone()).ok()
}

/// `taken`: what the pods there request. A resource that is not requested may be overcommitted (`noderesources/fit.go`, fitsRequest).
pub fn has_room(node: &Node, taken: Option<&Amounts>, each: &Amounts) -> bool {
    each.iter().filter(|(_, requested)| **requested > 0).all(|(name, requested)| {
        let used = taken.and_then(|taken| taken.get(name)).copied().unwrap_or_default();
        allocatable(node, name).saturating_sub(used) >= *requested
    })
}

/// None of it where the node does not have this resource.
pub fn allocatable(node: &Node, resource: &str) -> i128 {
    let all = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
    all.and_then(|all| quantity::parse(&all.get(resource)?.0)).unwrap_or_default()
}

fn label<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.metadata.labels.as_ref()?.get(key).map(String::as_str)
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
    use crate::build;
    use serde_json::json;

    fn node(edit: Value) -> Node {
        let mut whole = json!({"metadata": {"labels": {"disk": "ssd", "cores": "8"}}});
        build::merge(&mut whole, edit);
        build::node("n1", whole)
    }

    fn refusal(node: &Node, spec: &Value) -> Option<String> {
        misfit(node, spec).map(|misfit| misfit.to_string())
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
            (
                &tainted("NoSchedule"),
                toleration(json!({"key": "gpu", "operator": "Gt", "value": "1"})),
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

    #[test]
    fn only_what_is_requested_must_be_free() {
        let node = node(json!({"status": {"allocatable": {"cpu": "2", "memory": "1Gi"}}}));
        let amounts = |cpu: &str, memory: &str| {
            Amounts::from(
                [("cpu", cpu), ("memory", memory)]
                    .map(|(name, amount)| (name.to_owned(), quantity::parse(amount).unwrap())),
            )
        };
        let overcommitted = amounts("1", "2Gi");
        assert!(has_room(&node, Some(&overcommitted), &amounts("1", "0")));
        assert!(!has_room(&node, Some(&overcommitted), &amounts("1", "1")));
        assert!(!has_room(&node, Some(&overcommitted), &amounts("1001m", "0")));
        assert!(has_room(&node, None, &amounts("2", "1Gi")));
        assert!(!has_room(&node, None, &[("gpu".to_owned(), 1)].into()));
    }
}
