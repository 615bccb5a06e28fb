//! How the API server is doing while a run goes on: news once when it cannot be heard, and once when it is back. No I/O.

use std::time::{Duration, Instant};

use crate::Failure;

/// A server that is just starting has not read its roles and tokens yet and refuses everybody but administrators:
/// for so long after trouble, 401 and 403 may pass.
const STARTING: Duration = Duration::from_secs(15);

#[derive(Default)]
pub struct ServerHealth {
    bad: bool,
    last_bad: Option<Instant>,
}

impl ServerHealth {
    /// The server could not be heard. True when that is news: then tell the failure.
    pub fn trouble(&mut self, _failure: &Failure) -> bool {
        self.last_bad = Some(Instant::now());
        !std::mem::replace(&mut self.bad, true)
    }

    /// The server was heard. True when it is back.
    pub fn fine(&mut self) -> bool {
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
    fn news_is_told_once() {
        let failure = Failure::failed("cannot watch pods");
        let mut weather = ServerHealth::default();
        assert!(!weather.fine() && !weather.is_starting());
        assert!(weather.trouble(&failure) && !weather.trouble(&failure));
        assert!(weather.fine() && !weather.fine());
        assert!(weather.is_starting(), "it came back a moment ago");
    }
}
