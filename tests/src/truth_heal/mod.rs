//! The heal matrix (`kubectl heal-check`) against outcomes: a random small cluster for each seed, what the matrix predicts for it, one case
//! after the other made to happen, and each cell compared with what Kubernetes did.
//!
//! The generator ([`generate`]) and the comparison (`judge.rs`) are pure; only [`run`] talks to the cluster.

#![allow(clippy::unwrap_used, reason = "for tests: one that cannot go on panics")]

mod case;
mod generate;
mod judge;
mod observe;
mod predict;
mod run;
mod tally;

pub use case::{Case, Event};
pub use generate::generate;
pub use judge::{Judged, Outcome};
pub use run::{Bounds, Report, run};
pub use tally::Tally;
