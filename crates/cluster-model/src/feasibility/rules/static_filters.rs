//! The filters that read nothing but the node: their answer does not change while pods are placed.

use super::{node_affinity, node_unschedulable, taint_toleration};
use crate::feasibility::cluster::NodeId;
use crate::feasibility::miss::Miss;
use crate::feasibility::node::NodeFacts;
use crate::feasibility::requirements::Requirements;
use crate::feasibility::rule::{Answer, Filter, Rule};
use crate::feasibility::scenario::{Replacement, Scenario};
use crate::toleration::{cordon, tolerated};

/// The same of a pod that is in no scenario.
pub fn misfit(requirements: &Requirements, node: &NodeFacts) -> Option<Miss> {
    if node.unschedulable && !tolerated(&requirements.tolerations, &cordon()) {
        return Some(Miss::Cordoned);
    }
    taint_toleration::untolerated(requirements, node).or_else(|| node_affinity::mismatch(requirements, node))
}

/// Some filters of one pod; a node has to pass all of them.
pub struct StaticFilters<'a>(Vec<Filter<'a>>);

impl<'a> StaticFilters<'a> {
    pub fn all(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Self {
        let mut filters = Self::taints(scenario, pod);
        filters.0.extend(Self::node_affinity(scenario, pod).0);
        filters
    }

    /// Taints with NoSchedule and NoExecute, the taint of a cordoned or drained node among them.
    pub fn taints(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Self {
        Self::of(&[node_unschedulable::RULE, taint_toleration::RULE], scenario, pod)
    }

    /// Node selector and required node affinity.
    pub fn node_affinity(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Self {
        Self::of(&[node_affinity::RULE], scenario, pod)
    }

    fn of(rules: &[Rule], scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Self {
        StaticFilters(rules.iter().filter_map(|rule| (rule.filter)(scenario, pod)).collect())
    }

    pub fn pass(&self, node: NodeId) -> bool {
        self.miss(node).is_none()
    }

    pub fn miss(&self, node: NodeId) -> Option<Miss> {
        self.0.iter().find_map(|filter| match filter(node) {
            Answer::Fails(miss) => Some(miss),
            Answer::Passes | Answer::Unknown(_) => None,
        })
    }
}
