//! NodeDeclaredFeatures (`plugins/nodedeclaredfeatures`, since 1.36): a pod that uses a feature of the kubelet needs a node that declares it
//! (`status.declaredFeatures`).
//!
//! Which features count depends on the scheduler's version: later ones add some, and ask no more for those that every kubelet has
//! (`MaxVersion`). What the pod's own node declares shows what was asked for when the pod was placed.

use crate::feasibility::cluster::NodeId;
use crate::feasibility::declared_features::is_known;
use crate::feasibility::miss::Miss;
use crate::feasibility::rule::{Answer, Certainty, Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};

pub const RULE: Rule = Rule { certainty: Some(certainty), ..rule("NodeDeclaredFeatures", filter) };

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    let needed = &pod.requirements.kubelet_features;
    if needed.is_empty() {
        return None;
    }
    Some(Box::new(move |node| {
        let lacks = |feature: &&&str| !declares(scenario, node, feature);
        let lacking: Vec<&str> = needed.iter().filter(lacks).copied().collect();
        match (lacking.iter().find(|feature| is_asked_for(scenario, pod, feature)), lacking.first()) {
            (Some(feature), _) => Answer::Fails(Miss::KubeletFeature((*feature).to_owned())),
            (None, Some(feature)) => {
                Answer::Unknown(format!("whether this scheduler asks for the kubelet feature {feature}"))
            }
            (None, None) => Answer::Passes,
        }
    }))
}

/// A pod that runs on a node without the feature was placed by a scheduler that did not ask for it, or before the node lost it.
fn is_asked_for(scenario: &Scenario<'_>, pod: Replacement<'_>, feature: &str) -> bool {
    match scenario.pod(pod.of).node {
        Some(old) => declares(scenario, old, feature),
        None => scenario.nodes().any(|node| declares(scenario, node, feature)),
    }
}

/// Whether a pod uses a feature that is not known here is not known either: certain are only nodes that declare all such features of
/// the pod's node.
fn certainty(scenario: &Scenario<'_>, pod: Replacement<'_>, passing: &[NodeId]) -> Certainty {
    let Some(old) = scenario.pod(pod.of).node else { return Certainty::OneOf(passing.to_vec()) };
    let declared = &scenario.node(old).declared_features;
    let needed: Vec<&String> = declared.iter().filter(|feature| !is_known(feature)).collect();
    let has_all = |node: &NodeId| needed.iter().all(|feature| declares(scenario, *node, feature));
    let nodes: Vec<NodeId> = passing.iter().copied().filter(has_all).collect();
    if nodes.is_empty() && !passing.is_empty() { Certainty::Depends } else { Certainty::OneOf(nodes) }
}

fn declares(scenario: &Scenario<'_>, node: NodeId, feature: &str) -> bool {
    scenario.node(node).declared_features.iter().any(|declared| declared == feature)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{Node, Pod};
    use serde_json::json;

    use crate::build::{PodBuild, node, pod};
    use crate::feasibility::testing::{answers, cluster, verdicts_of};
    use crate::feasibility::{Verdict, Why};

    const RESTART_ALL: &str = "RestartAllContainersOnContainerExits";

    fn with(name: &str, features: &[&str]) -> Node {
        let room = json!({"allocatable": {"pods": "9"}, "declaredFeatures": features});
        node(name, json!({"status": room}))
    }

    fn restarting_all(key: &str, on: &str) -> Pod {
        let rules = json!([{"action": "RestartAllContainers"}]);
        pod(key, on).edit(json!({"spec": {"containers": [{"name": "c", "restartPolicyRules": rules}]}}))
    }

    #[test]
    fn a_pod_that_uses_a_feature_needs_a_node_that_declares_it() {
        let of = |old: &[&str], new: &[&str]| {
            let nodes = vec![with("n0", old), with("n1", new)];
            answers("NodeDeclaredFeatures", &cluster(nodes, vec![restarting_all("a/p", "n0")]), "a/p")
                .remove(1)
        };
        assert_eq!(of(&[RESTART_ALL], &[RESTART_ALL, "A"]), "passes");
        assert_eq!(of(&[RESTART_ALL], &["A"]), format!("kubelet feature {RESTART_ALL} not declared"));
        assert_eq!(of(&["A"], &[RESTART_ALL]), "passes");
        // This scheduler may be one that does not ask for it any more.
        assert!(of(&["A"], &["A"]).starts_with("unknown"));
        let pending = vec![restarting_all("a/p", "")];
        let nodes = vec![with("n0", &[]), with("n1", &[RESTART_ALL])];
        let all = answers("NodeDeclaredFeatures", &cluster(nodes, pending), "a/p");
        assert_eq!(all, [format!("kubelet feature {RESTART_ALL} not declared"), "passes".to_owned()]);
        let other = cluster(vec![with("n0", &[RESTART_ALL]), with("n1", &[])], vec![pod("a/p", "n0")]);
        assert_eq!(answers("NodeDeclaredFeatures", &other, "a/p").len(), 0);
    }

    #[test]
    fn whether_a_pod_uses_an_unknown_feature_of_its_node_is_not_certain() {
        let of = |old: &[&str], new: &[&str]| {
            verdicts_of(vec![with("n0", old), with("n1", new)], vec![pod("a/p", "n0")]).remove(0)
        };
        assert_eq!(of(&[], &[]), Verdict::Fits);
        assert_eq!(of(&["A"], &["A", "B"]), Verdict::Fits);
        assert_eq!(of(&["A", "B"], &["A"]), Verdict::Tight(Why::Placement));
        for known in [RESTART_ALL, "ExtendWebSocketsToKubelet"] {
            assert_eq!(of(&[known], &[]), Verdict::Fits);
        }
    }
}
