//! `--prove=kill`: one container is made to end from the inside of its own pod, where the kernel lets that work.
//!
//! node, target (pure) → inside (I/O) → look, ladder (pure): can it work, and by which signal. What follows is judged by the timeline (pure).

pub mod aftermath;
pub mod ephemeral;
pub mod inside;
pub mod ladder;
pub mod look;
pub mod node;
pub mod plan;
pub mod prepare;
pub mod signal;
pub mod target;
pub mod timeline;
