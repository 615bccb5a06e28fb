//! The annotation that leaves out findings about its object, or about all of its namespace; what it says: `ignores/annotation.rs`.

pub const KEY: &str = "kubectl-heal-check/ignore";
