//! Reading from the cluster, before anything is decided.

mod around;
mod events;
mod lists;
mod owners;
mod references;
mod rollouts;

pub use around::{around, room};
pub use events::events;
pub use owners::{owners, progress_owners};
pub use references::references;
pub use rollouts::rollouts;
