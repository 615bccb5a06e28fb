//! What a finding is about.

use std::fmt;

use serde::Serialize;

/// The object that a finding or a row of the matrix is about. Objects of the cluster have no namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Subject {
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl Subject {
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Subject { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// A namespace itself. What is found about it counts among what is found in it.
    pub fn of_namespace(name: &str) -> Self {
        Subject::new("Namespace", name, name)
    }

    pub fn is_namespace(&self) -> bool {
        self.kind == "Namespace"
    }

    /// What leaves out findings and is no object: an entry of `--config`, or `--ignore`.
    pub fn of_rule(name: &str) -> Self {
        Subject::new(RULE, "", name)
    }

    fn is_rule(&self) -> bool {
        self.kind == RULE && self.namespace.is_empty()
    }
}

const RULE: &str = "Config";

/// `deployment/web`, as kubectl takes it where the namespace is given.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_rule() {
            return f.write_str(&self.name);
        }
        write!(f, "{}/{}", self.kind.to_lowercase(), self.name)
    }
}
