//! What a check found: one fact about one object, with the shortest way to fix it.

pub mod allow;

use serde::Serialize;

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
