//! What is reported of a pod that has to be placed again.

use std::fmt;
use std::sync::Arc;

use super::cluster::{NodeId, PodId};
use super::miss::Miss;
use super::rule::Reach;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In whatever order the scheduler takes the pods, and whichever nodes it chooses for the others.
    Fits,
    /// It may fit.
    Tight(Why),
    /// No node takes it, even if the other pods take no room.
    Cannot,
    /// What would have to be known.
    Unknown(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The other pods can take all its places.
    Competition,
    /// Its spread constraints or pod affinity depend on where others are placed.
    Placement,
    /// Only if pods of lower priority are preempted.
    Preemption,
    /// A pod of higher priority may not fit, and preempt it.
    MayBePreempted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub pod: PodId,
    pub verdict: Verdict,
    /// The nodes that take it in the best case.
    pub nodes: Arc<[NodeId]>,
    /// Why the others do not, with their number, those first that could have been chosen, then by frequency. A shortage is the smallest of them.
    pub misses: Vec<(usize, Miss)>,
    /// The same of the nodes that only one rule keeps it from, where no node takes it: what a change of that one thing would open.
    pub one_rule_away: Vec<(usize, Miss)>,
    pub shortage: Option<Shortage>,
}

/// There are more pods like this one to be placed than the nodes can take, whatever the others do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// How many of them can be placed, at most.
    pub placed: usize,
    pub of: usize,
    pub by: Limit,
}

/// What the number of equal pods is limited by. Read in brackets: `only 1 of 2 such pods (cpu)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The resource that is used up first.
    Room(String),
    Apart(Reach),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Room(resource) => f.write_str(resource),
            Limit::Apart(Reach::Node) => f.write_str("one on each node, for its host ports or disks"),
            Limit::Apart(Reach::Domain(key)) => write!(f, "pod anti-affinity within {key}"),
            Limit::Apart(Reach::Everywhere) => f.write_str("one at a time, for its ReadWriteOncePod volume"),
        }
    }
}

/// Pods that do not all find a place, whatever becomes of the others: they request more than there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    pub pods: Vec<PodId>,
    /// Those that any of them may use.
    pub nodes: Vec<NodeId>,
    pub resource: String,
    pub requested: i128,
    pub free: i128,
}
