//! What the filters read of a node.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, Taint};

use crate::pod::resources::Amounts;
use crate::{NodeExt, quantity};

pub type Labels = BTreeMap<String, String>;

/// In the order of the plugin VolumeZone: zones and regions, by their beta label and by the one of today.
pub const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
pub const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";
pub const ZONE: &str = "topology.kubernetes.io/zone";
pub const REGION: &str = "topology.kubernetes.io/region";
pub const TOPOLOGY_LABELS: [&str; 4] = [BETA_ZONE, BETA_REGION, ZONE, REGION];

#[derive(Clone, Debug)]
pub struct NodeFacts {
    pub name: Arc<str>,
    pub labels: Labels,
    pub taints: Vec<Taint>,
    pub unschedulable: bool,
    pub allocatable: Amounts,
    pub declared_features: Vec<String>,
}

impl From<&Node> for NodeFacts {
    fn from(node: &Node) -> Self {
        let spec = node.spec.as_ref();
        let status = node.status.as_ref();
        let features = status.and_then(|status| status.declared_features.clone());
        let allocatable = status.and_then(|status| status.allocatable.as_ref());
        let amounts = allocatable.into_iter().flatten();
        NodeFacts {
            name: node.name().into(),
            labels: node.metadata.labels.clone().unwrap_or_default(),
            taints: spec.and_then(|spec| spec.taints.clone()).unwrap_or_default(),
            unschedulable: node.is_cordoned(),
            declared_features: features.unwrap_or_default(),
            allocatable: amounts
                .filter_map(|(resource, amount)| Some((resource.clone(), quantity::parse(&amount.0)?)))
                .collect(),
        }
    }
}

/// A term without requirements selects nothing.
pub fn selects(term: &NodeSelectorTerm, node: &NodeFacts) -> bool {
    let labels = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    if labels.is_empty() && fields.is_empty() {
        return false;
    }
    let label = |key: &str| node.labels.get(key).map(String::as_str);
    labels.iter().all(|requirement| meets(requirement, label(&requirement.key)))
        // The one field there is: metadata.name.
        && fields.iter().all(|requirement| meets(requirement, Some(&node.name)))
}

fn meets(requirement: &NodeSelectorRequirement, value: Option<&str>) -> bool {
    let values = requirement.values.as_deref().unwrap_or_default();
    let is_listed = value.is_some_and(|value| values.iter().any(|listed| listed == value));
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let numbers = || number(value).zip(number(values.first().map(String::as_str)));
    match requirement.operator.as_str() {
        "In" => is_listed,
        "NotIn" => !is_listed,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => numbers().is_some_and(|(value, bound)| value > bound),
        "Lt" => numbers().is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}
