//! What a filter of the scheduler is here: a question about one node, and what has to be known to answer it for the worst case.

use super::cluster::NodeId;
use super::miss::Miss;
use super::scenario::{Replacement, Scenario};
use crate::pod::resources::Amounts;

/// What the names of counted resources start with that no request can name: no resource's name has a colon.
pub const COUNTED: &str = "counted:";

/// Whether a node passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Passes,
    Fails(Miss),
    /// What would have to be known.
    Unknown(String),
}

/// One filter for one pod. It answers for the best case: of the pods that have to be placed, the others take no room, and stand where they
/// help (pod affinity, spread).
pub type Filter<'a> = Box<dyn Fn(NodeId) -> Answer + 'a>;

/// How far a pod that is placed keeps another one away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    Node,
    /// All nodes with the same value of this label.
    Domain(String),
    Everywhere,
}

/// `other`, once placed, keeps `this` away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub reach: Reach,
    /// Otherwise it depends on what is not known.
    pub is_certain: bool,
}

impl Conflict {
    pub fn certain(reach: Reach) -> Self {
        Conflict { reach, is_certain: true }
    }
}

/// Where a pod that must be placed is sure to find a place, whatever the other pods do, if nothing else is in the way there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// On one of these nodes.
    OneOf(Vec<NodeId>),
    /// Which of these groups it will be is not known before; there has to be a place in each.
    EachOf(Vec<Vec<NodeId>>),
    /// It depends on where the other pods are placed.
    Depends,
}

pub type NewFilter = for<'a> fn(&'a Scenario<'a>, Replacement<'a>) -> Option<Filter<'a>>;
pub type Conflicts = fn(&Scenario<'_>, this: Replacement<'_>, other: Replacement<'_>) -> Vec<Conflict>;
pub type Certain = fn(&Scenario<'_>, Replacement<'_>, passing: &[NodeId]) -> Certainty;

pub struct Rule {
    /// The plugin's name, as in the scheduler's events and configuration.
    pub plugin: &'static str,
    /// `None`: the rule does not concern this pod.
    pub filter: NewFilter,
    /// Does `other`, once placed, keep this pod away, and from where? From all of these nodes together.
    pub conflicts: Option<Conflicts>,
    /// Narrows the nodes that pass in the best case to those that pass in every case.
    pub certainty: Option<Certain>,
    /// What the pod needs of a resource that is counted, where the rule counts one that is not in the pod's requests, and
    /// what a node has left of it; by name.
    pub counted: Option<Counted>,
}

/// A resource of nodes that no request names, as the volumes that a CSI driver can attach.
pub struct Counted {
    pub needs: fn(&Scenario<'_>, Replacement<'_>) -> Amounts,
    /// What is left on the node; a resource that is not in it is not limited there.
    pub free: fn(&Scenario<'_>, NodeId) -> Amounts,
}

pub const fn rule(plugin: &'static str, filter: NewFilter) -> Rule {
    Rule { plugin, filter, conflicts: None, certainty: None, counted: None }
}
