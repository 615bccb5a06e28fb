//! The scheduler's filters, one per file, each with the plugin it follows. A new rule is a file and a line in [`RULES`].

mod inter_pod_affinity;
mod node_affinity;
mod node_declared_features;
mod node_ports;
mod node_resources_fit;
mod node_unschedulable;
mod node_volume_limits;
mod pod_topology_spread;
mod static_filters;
mod taint_toleration;
mod volume_binding;
mod volume_restrictions;
mod volume_zone;

use super::rule::{Filter, Rule};
use super::scenario::{Replacement, Scenario};

pub use static_filters::{StaticFilters, misfit};

/// In the order in which the scheduler asks them: the first that fails is the reason that is shown.
pub const RULES: &[Rule] = &[
    node_unschedulable::RULE,
    taint_toleration::RULE,
    node_affinity::RULE,
    node_ports::RULE,
    node_resources_fit::RULE,
    volume_restrictions::RULE,
    node_volume_limits::RULE,
    volume_binding::RULE,
    volume_zone::RULE,
    pod_topology_spread::RULE,
    inter_pod_affinity::RULE,
    node_declared_features::RULE,
];

/// The filters of the rules that concern this pod.
pub fn filters<'a>(scenario: &'a Scenario<'a>, pod: Replacement<'a>) -> Vec<Filter<'a>> {
    RULES.iter().filter_map(|rule| (rule.filter)(scenario, pod)).collect()
}
