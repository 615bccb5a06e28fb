//! Reading from the cluster, before anything is decided.

mod events;
mod lists;
mod owners;
mod references;
mod rollouts;
mod room;
mod surroundings;

pub use events::events;
pub use owners::{ARGO_KINDS, FLAGGER_KINDS, KRUISE_KINDS, owners, progress_owners};
pub use references::references;
pub use rollouts::{revisions, rollouts};
pub use room::{PATIENCE, room};
pub use surroundings::{pods, surroundings};
