//! TaintToleration (`plugins/tainttoleration`): taints with NoSchedule and NoExecute have to be tolerated.

use k8s_openapi::api::core::v1::Taint;

use crate::feasibility::miss::Miss;
use crate::feasibility::node::NodeFacts;
use crate::feasibility::requirements::Requirements;
use crate::feasibility::rule::{Answer, Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};
use crate::healing::node_loss::may_return;
use crate::toleration::{UNSCHEDULABLE, tolerated};

pub const RULE: Rule = rule("TaintToleration", filter);

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    let may_be_lost = may_return(&pod.requirements.tolerations);
    Some(Box::new(move |node| {
        if scenario.is_lost(node) && !may_be_lost {
            return Answer::Fails(Miss::Lost);
        }
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
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use crate::build::{PodBuild, node, pod};
    use crate::feasibility::testing::{answers, cluster, find};
    use crate::feasibility::{Miss, NodeId, Scenario, open_nodes};

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

    /// A node that is silent is not cordoned: it has taints of its own.
    #[test]
    fn a_lost_node_is_open_only_to_what_tolerates_its_taints() {
        let cordoned = node("n1", json!({"spec": {"unschedulable": true}}));
        let misses = |key: &str, effect: Value| {
            let toleration = json!({"key": key, "operator": "Exists", "effect": effect});
            let web = pod("a/web", "n0").toleration(toleration);
            let cluster = cluster(vec![node("n0", json!({})), cordoned.clone()], vec![web]);
            let web = find(&cluster, "a/web");
            let lost = BTreeSet::from([NodeId(0), NodeId(1)]);
            let scenario =
                Scenario::new(&cluster, BTreeSet::new(), &BTreeSet::from([web]), &[web]).with_lost(lost);
            open_nodes(&scenario, web).1
        };
        const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
        assert_eq!(misses("node.kubernetes.io/unschedulable", json!(null)), [(2, Miss::Lost)]);
        assert_eq!(misses(UNREACHABLE, json!("NoExecute")), [(2, Miss::Lost)]);
        assert_eq!(misses(UNREACHABLE, json!(null)), [(1, Miss::Lost)], "the cordon");
    }
}
