//! What is said of an object that is refused. Pure.

/// What is refused, and in which field, as in `/spec/replicas`.
pub struct Refused {
    pub at: String,
    pub why: String,
}

impl Refused {
    pub fn new(at: impl Into<String>, why: impl Into<String>) -> Self {
        Refused { at: at.into(), why: why.into() }
    }
}

/// As it is written: `spec.replicas`.
pub fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}
