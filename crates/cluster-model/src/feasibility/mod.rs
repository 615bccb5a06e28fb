//! Do the pods of drained nodes fit on the other nodes, and new pods beside those that are there? The filters of kube-scheduler's default profile as a pure model
//! (`pkg/scheduler/framework/plugins`, v1.37; the default set is in `pkg/scheduler/apis/config/v1/default_plugins.go`).
//!
//! [`Cluster`] holds what the filters read, [`Scenario`] the same cluster with some nodes drained or some pods new, [`rules`] one filter each, and
//! [`verdict`] judges each pod that has to be placed again.
//!
//! Two questions are asked, and neither is a guess at the scheduler's choice, which depends on scores and on the order of its queue:
//! - May the pod fit? Answered for the best case: the other pods that move take no room. If no node passes even then, it *cannot*.
//! - Must it fit? Answered for the worst case: the other pods that move are placed where they are most in the way ([`competition`]).
//!
//! What lies between is *tight*, and what a rule cannot decide is *unknown*.

mod capacity;
pub mod cluster;
pub mod competition;
mod declared_features;
mod in_tree;
mod judgement;
mod miss;
mod node;
mod occupancy;
mod pod_facts;
mod pools;
mod preemption;
mod requirements;
pub mod rule;
pub mod rules;
mod scenario;
mod sure_place;
mod topology;
mod verdict;
pub mod volumes;

pub use capacity::shortfalls;
pub use cluster::{Cluster, NodeId, PodFacts, PodId};
pub use judgement::{Judgement, Limit, Shortage, Shortfall, Verdict, Why};
pub use miss::{Miss, reasons};
pub use node::{BETA_REGION, BETA_ZONE, NodeFacts, REGION, ZONE};
pub use requirements::{PodTerm, Requirements, VolumeUse};
pub use scenario::{Replacement, Scenario};
pub use sure_place::has_sure_place;
pub use verdict::{judge, judge_best_case, open_nodes};

/// Kubernetes is made for clusters of so many pods (<https://kubernetes.io/docs/setup/best-practices/cluster-large/>). An object may want more,
/// and they are not all to be looked at.
pub const MOST_PODS: usize = 150_000;

#[cfg(test)]
mod testing;
