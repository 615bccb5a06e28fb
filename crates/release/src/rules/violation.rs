//! What is wrong with a file.

use std::fmt;

/// One broken rule: in which file, of which field or entry, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub file: String,
    pub field: String,
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.file, self.field, self.message)
    }
}

/// Violations of one file.
pub struct Findings {
    file: String,
    pub found: Vec<Violation>,
}

impl Findings {
    pub fn of(file: impl Into<String>) -> Self {
        Findings { file: file.into(), found: Vec::new() }
    }

    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.found.push(Violation { file: self.file.clone(), field: field.into(), message: message.into() });
    }

    /// Adds it unless `holds`.
    pub fn require(&mut self, holds: bool, field: impl Into<String>, message: impl Into<String>) {
        if !holds {
            self.add(field, message);
        }
    }
}
