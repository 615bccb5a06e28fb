//! Reading from the cluster, before anything is decided.

mod around;
mod events;
mod lists;
mod owners;
mod references;
mod rollouts;
mod room;

pub use around::{around, pods};
pub use events::events;
pub use owners::{owners, progress_owners};
pub use references::references;
pub use rollouts::rollouts;
pub use room::{PATIENCE, nodes, taken};
