//! A run without a deadline ends when the API server has not answered for too long.

use k8s_openapi::jiff::Timestamp;

use super::Engine;

impl Engine {
    /// Since when a request is unanswered; `None`: none is.
    pub fn unanswered(&mut self, since: Option<Timestamp>) {
        self.unanswered = since;
    }

    /// When it has been silent for too long, unless it answers before.
    pub fn silent_at(&self) -> Option<Timestamp> {
        self.unanswered?.saturating_add(self.rules.silent_after?).ok()
    }

    /// If true, the run is to be stopped: nothing more can be read, so nothing is claimed and nothing is restored.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        !self.is_done() && self.silent_at().is_some_and(|at| at <= now)
    }
}
