//! What was seen inside a container of how it takes the signal that asks it to stop (`--prove=kill`).

use crate::finding::Subject;

/// One that it does not hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnheardStop {
    pub workload: Subject,
    pub pod: String,
    pub container: String,
    /// Its first process.
    pub process: String,
    pub signal: String,
    /// Seconds until it is killed instead.
    pub grace: i64,
}
