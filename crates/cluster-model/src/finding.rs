//! What a check found: one fact about one object, with the shortest way to fix it.

pub mod allow;

use serde::Serialize;

use crate::text::count;

/// How much a finding weighs, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Information; nothing to decide.
    Info,
    /// Could not be checked (no right, kind missing). Never the same as "fine".
    Unknown,
    /// Shown, and confirmed by the user.
    Warning,
    /// Refuses the run unless it is accepted by name.
    Error,
}

/// One finding. `id` is stable: users accept errors by it and scripts match on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub id: &'static str,
    pub severity: Severity,
    /// The object, as in `pod/web-1 -n shop` without the flag: `shop/web-1`.
    pub subject: String,
    /// What was seen. One line, no trailing period.
    pub message: String,
    /// What to do or type; empty when there is nothing to do.
    pub remedy: String,
    /// An error that was accepted with `--allow` or the kubectl flag named here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

impl Finding {
    pub fn new(
        id: &'static str,
        severity: Severity,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Finding {
            id,
            severity,
            subject: subject.into(),
            message: message.into(),
            remedy: String::new(),
            accepted: None,
        }
    }

    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Does this stop the run?
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Error && self.accepted.is_none()
    }
}

/// Worst first, then in a stable order.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| (b.severity, a.id, &a.subject).cmp(&(a.severity, b.id, &b.subject)));
}

/// For the question whether to go on: ` despite 1 accepted error and 2 warnings`, or nothing.
pub fn despite(findings: &[Finding]) -> String {
    let number = |is_one: fn(&Finding) -> bool| findings.iter().filter(|finding| is_one(finding)).count();
    let parts = [
        (number(|it| it.severity == Severity::Error && it.accepted.is_some()), "accepted error"),
        (number(|it| matches!(it.severity, Severity::Warning | Severity::Unknown)), "warning"),
    ];
    let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| count(*number, what));
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { String::new() } else { format!(" despite {}", parts.join(" and ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_says_what_it_goes_on_despite() {
        let of = |severity| Finding::new("id", severity, "node/n1", "is");
        let accepted = |finding| Finding { accepted: Some("--allow".into()), ..finding };
        let (error, warning) = (of(Severity::Error), of(Severity::Warning));
        assert_eq!(despite(&[of(Severity::Info), error.clone()]), "");
        assert_eq!(despite(&[warning.clone(), of(Severity::Unknown)]), " despite 2 warnings");
        assert_eq!(despite(&[warning, accepted(error)]), " despite 1 accepted error and 1 warning");
    }
}
