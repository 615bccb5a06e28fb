//! What the server says to a write without carrying it out (`dryRun=All`). It takes the same rights as the write. Network I/O.

mod answer;
mod pod;

pub use answer::{Answer, DRY_RUN_UNSUPPORTED, answer};
pub use pod::{PodAnswer, create_pod};
