//! What a cluster is and what would happen in it. Pure: no tokio, no HTTP, no clock, no terminal.

pub mod finding;
pub mod text;

pub use finding::{Finding, Severity};
pub use text::Untrusted;
