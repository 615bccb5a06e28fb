//! NodeAffinity (`plugins/nodeaffinity`): `nodeSelector` and required node affinity (`component-helpers/scheduling/corev1/nodeaffinity`).

use crate::feasibility::miss::Miss;
use crate::feasibility::node::{NodeFacts, selects};
use crate::feasibility::requirements::Requirements;
use crate::feasibility::rule::{Answer, Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};

pub const RULE: Rule = rule("NodeAffinity", filter);

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    let requirements = pod.requirements;
    if requirements.node_selector.is_empty() && requirements.node_affinity.is_none() {
        return None;
    }
    Some(Box::new(move |node| match mismatch(requirements, scenario.node(node)) {
        Some(miss) => Answer::Fails(miss),
        None => Answer::Passes,
    }))
}

/// What of the pod's selector and affinity the node does not meet.
pub fn mismatch(requirements: &Requirements, node: &NodeFacts) -> Option<Miss> {
    let mut labels = requirements.node_selector.iter();
    if let Some((key, value)) = labels.find(|(key, value)| node.labels.get(key) != Some(value)) {
        return Some(Miss::NodeSelector { key: key.clone(), value: value.clone() });
    }
    match &requirements.node_affinity {
        Some(terms) if !terms.iter().any(|term| selects(term, node)) => Some(Miss::NodeAffinity),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::build::{PodBuild, node, pod};
    use crate::feasibility::testing::{answers, cluster};

    fn answer(spec: Value) -> String {
        let labelled = node("n1", json!({"metadata": {"labels": {"disk": "ssd", "cores": "8"}}}));
        let cluster = cluster(vec![labelled], vec![pod("a/p", "n1").edit(json!({"spec": spec}))]);
        answers("NodeAffinity", &cluster, "a/p").concat()
    }

    fn affinity(key: &str, operator: &str, values: &[&str]) -> Value {
        required(json!([{"matchExpressions": [{"key": key, "operator": operator, "values": values}]}]))
    }

    fn required(terms: Value) -> Value {
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
    }

    #[test]
    fn labels_and_fields() {
        let fields = json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]});
        let cases = [
            (json!({}), ""),
            (json!({"nodeSelector": {"disk": "ssd"}}), "passes"),
            (json!({"nodeSelector": {"disk": "hdd"}}), "no label disk=hdd"),
            (affinity("disk", "In", &["ssd", "hdd"]), "passes"),
            (affinity("disk", "In", &["hdd"]), "node affinity"),
            (affinity("disk", "NotIn", &["ssd"]), "node affinity"),
            (affinity("zone", "NotIn", &["a"]), "passes"),
            (affinity("disk", "Exists", &[]), "passes"),
            (affinity("disk", "DoesNotExist", &[]), "node affinity"),
            (affinity("cores", "Gt", &["7"]), "passes"),
            (affinity("cores", "Lt", &["7"]), "node affinity"),
            (required(json!([{}])), "node affinity"),
            (required(json!([{}, fields])), "passes"),
        ];
        for (spec, expected) in cases {
            assert_eq!(answer(spec.clone()), expected, "{spec}");
        }
    }
}
