//! Whether the API server answers while a run goes on: reported once when it does not, and once when it does again. No I/O.

use std::time::{Duration, Instant};

/// A server that is just starting has not read its roles and tokens yet and refuses everybody but administrators:
/// for so long after a failure, 401 and 403 may pass.
const STARTING: Duration = Duration::from_secs(15);

#[derive(Default)]
pub struct ServerHealth {
    bad: bool,
    last_bad: Option<Instant>,
    local: bool,
}

impl ServerHealth {
    /// A request or a watch failed. True if it was available before: then the failure is to be reported.
    pub fn failed(&mut self) -> bool {
        self.last_bad = Some(Instant::now());
        !std::mem::replace(&mut self.bad, true)
    }

    /// A request could not even be sent, for a reason of this machine. True if it was not reported yet.
    pub fn failed_here(&mut self) -> bool {
        !std::mem::replace(&mut self.local, true)
    }

    /// The server answered. True when it did not before.
    pub fn answered(&mut self) -> bool {
        std::mem::take(&mut self.bad)
    }

    /// May a refusal of rights or credentials come from a server that is only half there?
    pub fn is_starting(&self) -> bool {
        self.last_bad.is_some_and(|at| at.elapsed() < STARTING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_is_reported_once() {
        let mut health = ServerHealth::default();
        assert!(!health.answered() && !health.is_starting());
        assert!(health.failed() && !health.failed());
        assert!(health.answered() && !health.answered());
        assert!(health.is_starting(), "it came back a moment ago");
    }
}
