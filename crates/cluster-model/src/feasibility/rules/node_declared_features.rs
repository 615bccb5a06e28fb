//! NodeDeclaredFeatures (`plugins/nodedeclaredfeatures`, since 1.36): a pod that uses a feature of the kubelet needs a node that declares it
//! (`status.declaredFeatures`). Which features a pod uses is not modelled: certain are only nodes that declare all that its node declares.

use crate::feasibility::cluster::NodeId;
use crate::feasibility::rule::{Certainty, Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};

pub const RULE: Rule = Rule { certainty: Some(certainty), ..rule("NodeDeclaredFeatures", filter) };

/// In the best case the pod uses none.
fn filter<'a>(_scenario: &'a Scenario<'a>, _pod: Replacement<'a>) -> Option<Filter<'a>> {
    None
}

fn certainty(scenario: &Scenario<'_>, pod: Replacement<'_>, passing: &[NodeId]) -> Certainty {
    let Some(old) = scenario.pod(pod.of).node else { return Certainty::OneOf(passing.to_vec()) };
    let needed = &scenario.node(old).declared_features;
    let declares =
        |node: &NodeId| needed.iter().all(|it| scenario.node(*node).declared_features.contains(it));
    let nodes: Vec<NodeId> = passing.iter().copied().filter(declares).collect();
    if nodes.is_empty() && !passing.is_empty() { Certainty::Depends } else { Certainty::OneOf(nodes) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::build::{node, pod};
    use crate::feasibility::testing::verdicts_of;
    use crate::feasibility::{Verdict, Why};

    #[test]
    fn a_node_that_lacks_a_feature_of_the_old_one_is_not_certain() {
        let with = |name: &str, features: &[&str]| {
            let room = json!({"allocatable": {"pods": "9"}, "declaredFeatures": features});
            node(name, json!({"status": room}))
        };
        let of = |old: &[&str], new: &[&str]| {
            verdicts_of(vec![with("n0", old), with("n1", new)], vec![pod("a/p", "n0")]).remove(0)
        };
        assert_eq!(of(&[], &[]), Verdict::Fits);
        assert_eq!(of(&["A"], &["A", "B"]), Verdict::Fits);
        assert_eq!(of(&["A", "B"], &["A"]), Verdict::Tight(Why::Placement));
    }
}
