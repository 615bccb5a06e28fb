//! NodeUnschedulable (`plugins/nodeunschedulable`): a cordoned node, or one that this drain cordons, takes only pods that tolerate it.

use crate::feasibility::miss::Miss;
use crate::feasibility::rule::{Answer, Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};
use crate::toleration::{cordon, tolerated};

pub const RULE: Rule = rule("NodeUnschedulable", filter);

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    if tolerated(&pod.requirements.tolerations, &cordon()) {
        return None;
    }
    Some(Box::new(move |node| {
        if scenario.is_drained(node) {
            Answer::Fails(Miss::Drained)
        } else if scenario.node(node).unschedulable {
            Answer::Fails(if scenario.is_lost(node) { Miss::Lost } else { Miss::Cordoned })
        } else {
            Answer::Passes
        }
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::build::{PodBuild, node, pod};
    use crate::feasibility::testing::{answers, cluster};
    use crate::toleration::UNSCHEDULABLE;

    #[test]
    fn cordoned_nodes_take_only_pods_that_tolerate_it() {
        let cordoned = node("cordoned", json!({"spec": {"unschedulable": true}}));
        let nodes = vec![node("drained", json!({})), cordoned, node("free", json!({}))];
        let plain = cluster(nodes.clone(), vec![pod("a/p", "drained")]);
        assert_eq!(answers("NodeUnschedulable", &plain, "a/p"), ["being drained", "cordoned", "passes"]);
        let tolerates = pod("a/p", "drained").toleration(json!({"key": UNSCHEDULABLE, "operator": "Exists"}));
        assert!(answers("NodeUnschedulable", &cluster(nodes, vec![tolerates]), "a/p").is_empty());
    }
}
