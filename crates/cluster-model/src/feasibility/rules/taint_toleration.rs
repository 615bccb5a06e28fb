//! TaintToleration (`plugins/tainttoleration`): taints with NoSchedule and NoExecute have to be tolerated.

use k8s_openapi::api::core::v1::Taint;

use crate::feasibility::miss::Miss;
use crate::feasibility::node::NodeFacts;
use crate::feasibility::requirements::Requirements;
use crate::feasibility::rule::{Answer, Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};
use crate::toleration::{UNSCHEDULABLE, tolerated};

pub const RULE: Rule = rule("TaintToleration", filter);

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    Some(Box::new(move |node| {
        untolerated(pod.requirements, scenario.node(node)).map_or(Answer::Passes, Answer::Fails)
    }))
}

pub fn untolerated(requirements: &Requirements, node: &NodeFacts) -> Option<Miss> {
    // The taint of a cordon is NodeUnschedulable's: the node lifecycle controller adds it some time after the cordon.
    let mut taints = node.taints.iter().filter(|taint| keeps_pods_away(taint) && taint.key != UNSCHEDULABLE);
    let taint = taints.find(|taint| !tolerated(&requirements.tolerations, taint))?;
    Some(Miss::Taint(taint.key.clone()))
}

/// `helper.DoNotScheduleTaintsFilterFunc` (`pkg/scheduler/framework/plugins/helper/taint.go`).
pub fn keeps_pods_away(taint: &Taint) -> bool {
    matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::build::{PodBuild, node, pod};
    use crate::feasibility::testing::{answers, cluster};

    #[test]
    fn taints_have_to_be_tolerated() {
        let tainted = |name: &str, effect: &str| {
            node(name, json!({"spec": {"taints": [{"key": "gpu", "value": "yes", "effect": effect}]}}))
        };
        let nodes = vec![
            node("n0", json!({})),
            tainted("n1", "NoSchedule"),
            tainted("n2", "NoExecute"),
            tainted("n3", "PreferNoSchedule"),
        ];
        let plain = cluster(nodes.clone(), vec![pod("a/p", "n0")]);
        assert_eq!(answers("TaintToleration", &plain, "a/p"), ["passes", "taint gpu", "taint gpu", "passes"]);
        let toleration = json!({"key": "gpu", "value": "yes", "effect": "NoSchedule"});
        let tolerates = cluster(nodes, vec![pod("a/p", "n0").toleration(toleration)]);
        assert_eq!(
            answers("TaintToleration", &tolerates, "a/p"),
            ["passes", "passes", "taint gpu", "passes"]
        );
    }
}
