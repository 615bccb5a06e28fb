//! What a check found: one fact about one object, with the shortest way to fix it.

mod fix;
mod location;
mod subject;

use clap::ValueEnum;
use serde::{Deserialize, Serialize, Serializer};

pub use fix::{Change, Fix, Offer, Proof};
pub use location::Location;
pub use subject::Subject;

/// Worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    // Plain comments: with help of its own for a value, clap would spread the whole help page over four screens.
    // Information; nothing to decide.
    Info,
    // Heals, with an outage or slowly.
    Warning,
    // Does not heal in one of the cases, or is stuck now.
    Error,
    // Nothing heals, or nothing serves.
    Critical,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
            Severity::Critical => "critical",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub id: &'static str,
    pub name: &'static str,
    pub severity: Severity,
    pub subject: Subject,
    /// What was seen. One line, no trailing period.
    pub message: String,
    /// What to do or type.
    pub remedy: String,
    /// Of manifests, where the subject is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// With `--fix`.
    #[serde(rename = "fix", skip_serializing_if = "has_no_fix", serialize_with = "as_fix")]
    pub offer: Option<Offer>,
}

fn has_no_fix(offer: &Option<Offer>) -> bool {
    offer.as_ref().and_then(Offer::fix).is_none()
}

fn as_fix<S: Serializer>(offer: &Option<Offer>, serializer: S) -> Result<S::Ok, S::Error> {
    offer.as_ref().and_then(Offer::fix).serialize(serializer)
}

/// What could not be checked, and why. Never the same as "nothing found".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unchecked {
    pub id: String,
    pub reason: String,
}

impl Unchecked {
    /// The checks that lack the same, together, in the order in which they come.
    pub fn by_reason(all: &[Unchecked]) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for Unchecked { id, reason } in all {
            match groups.iter_mut().find(|(known, _)| known == reason) {
                Some((_, ids)) => ids.push(id),
                None => groups.push((reason, vec![id])),
            }
        }
        groups
    }
}

/// Worst first, then in a stable order.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (b.severity, a.id, &a.subject).cmp(&(a.severity, b.id, &b.subject)));
}
