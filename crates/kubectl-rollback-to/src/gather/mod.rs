//! Reading from the cluster, before anything is decided.

mod events;
mod lists;
mod node_usage;
mod owners;
mod references;
mod rollouts;
mod surroundings;

pub use events::events;
pub use node_usage::{PATIENCE, nodes, taken};
pub use owners::{ARGO_KINDS, FLAGGER_KINDS, KRUISE_KINDS, owners, progress_owners};
pub use references::references;
pub use rollouts::{revisions, rollouts};
pub use surroundings::{pods, surroundings};
