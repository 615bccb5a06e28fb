//! An API server that does not answer any more is not waited for without end.

use k8s_openapi::jiff::Timestamp;

use super::Engine;

impl Engine {
    /// Since when the API server owes an answer; `None`: it answers.
    pub fn unanswered(&mut self, since: Option<Timestamp>) {
        self.unanswered = since;
    }

    /// When it has been silent for too long, unless it answers before.
    pub fn silent_at(&self) -> Option<Timestamp> {
        self.unanswered?.saturating_add(self.rules.silent_after?).ok()
    }

    /// Has it been silent for too long? Then nothing more can be read, so nothing is claimed and nothing is restored: it is to be stopped.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        !self.is_done() && self.silent_at().is_some_and(|at| at <= now)
    }
}
