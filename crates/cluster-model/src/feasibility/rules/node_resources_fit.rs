//! NodeResourcesFit (`plugins/noderesources/fit.go`, fitsRequest): only what is requested has to be free; the rest may be overcommitted.

use crate::feasibility::cluster::NodeId;
use crate::feasibility::miss::Miss;
use crate::feasibility::rule::{Answer, Filter, Rule, rule};
use crate::feasibility::scenario::{Replacement, Scenario};
use crate::pod::resources::Amounts;

pub const RULE: Rule = rule("NodeResourcesFit", filter);

fn filter<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Option<Filter<'a>> {
    Some(Box::new(move |node| {
        match shortage(&pod.requirements.requests, scenario, node, scenario.taken_for_good(node)) {
            Some((resource, short_by)) => Answer::Fails(Miss::Insufficient { resource, short_by }),
            None => Answer::Passes,
        }
    }))
}

/// The first resource of which the node has too little, and by how much.
pub fn shortage(
    requests: &Amounts,
    scenario: &Scenario<'_>,
    node: NodeId,
    taken: &Amounts,
) -> Option<(String, i128)> {
    let allocatable = &scenario.node(node).allocatable;
    requests.iter().filter(|(_, requested)| **requested > 0).find_map(|(resource, requested)| {
        let amount = |of: &Amounts| of.get(resource).copied().unwrap_or_default();
        let free = amount(allocatable).saturating_sub(amount(taken));
        (free < *requested).then(|| (resource.clone(), requested.saturating_sub(free)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::build::{PodBuild, node, pod};
    use crate::feasibility::testing::{answers, cluster};

    fn requesting(key: &str, on: &str, requests: Value) -> k8s_openapi::api::core::v1::Pod {
        pod(key, on)
            .edit(json!({"spec": {"containers": [{"name": "main", "resources": {"requests": requests}}]}}))
    }

    /// n1 is drained; n2 has 2 CPUs and 1Gi, of which `other` takes a part.
    fn answer(requests: Value, other: Value) -> String {
        let room = json!({"status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "2"}}});
        let nodes = vec![node("n1", room.clone()), node("n2", room)];
        let pods = vec![requesting("a/p", "n1", requests), requesting("a/other", "n2", other)];
        answers("NodeResourcesFit", &cluster(nodes, pods), "a/p").swap_remove(1)
    }

    #[test]
    fn what_is_requested_has_to_be_free() {
        let cases = [
            (json!({}), json!({}), "passes"),
            (json!({"cpu": "1"}), json!({"cpu": "1"}), "passes"),
            (json!({"cpu": "1500m"}), json!({"cpu": "1"}), "cpu short by 500m"),
            (json!({"cpu": "1"}), json!({"memory": "2Gi"}), "passes"),
            (json!({"memory": "1Mi"}), json!({"memory": "1Gi"}), "memory short by 1Mi"),
            (json!({"example.com/gpu": "1"}), json!({}), "example.com/gpu short by 1"),
        ];
        for (requests, other, expected) in cases {
            assert_eq!(answer(requests.clone(), other), expected, "{requests}");
        }
    }

    #[test]
    fn a_pod_that_is_terminating_takes_nothing_for_long() {
        let room = json!({"status": {"allocatable": {"cpu": "1", "pods": "1"}}});
        let nodes = vec![node("n1", room.clone()), node("n2", room)];
        let other = requesting("a/other", "n2", json!({"cpu": "1"}));
        let of = |other| {
            let pods = vec![requesting("a/p", "n1", json!({"cpu": "1"})), other];
            answers("NodeResourcesFit", &cluster(nodes.clone(), pods), "a/p").swap_remove(1)
        };
        assert_eq!(of(other.clone()), "cpu short by 1");
        assert_eq!(of(other.deleted("2026-01-01T00:00:00Z")), "passes");
    }
}
