//! The model of the scheduler's filters (`cluster_model::feasibility`) against the real kube-scheduler: a random small cluster for each
//! seed, some of its nodes drained for real, and each prediction compared with what the scheduler did.
//!
//! The generator ([`generate`]) and the comparison ([`compare`]) are pure; only [`run`] talks to the cluster.

#![allow(clippy::unwrap_used, reason = "for tests: one that cannot go on panics")]

mod case;
mod compare;
mod feature;
mod fixtures;
mod generate;
mod message;
mod prediction;
mod quiet;
mod random;
mod run;
mod shrink;
mod tally;

pub use case::Case;
pub use compare::{Class, Contradiction};
pub use feature::{Feature, Features};
pub use fixtures::prepare;
pub use generate::generate;
pub use random::Random;
pub use run::{Report, run};
pub use shrink::shrink;
pub use tally::Tally;
