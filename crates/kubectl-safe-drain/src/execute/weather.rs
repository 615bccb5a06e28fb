//! How the API server is doing while a drain runs: told once when it cannot be heard, and once when it is back.

use std::time::{Duration, Instant};

use plugin_client::Failure;

use super::Audience;
use super::event::Event;

/// A server that is just starting has not read its roles and tokens yet: for so long after trouble, "forbidden" may pass.
const STARTING: Duration = Duration::from_secs(15);

#[derive(Default)]
pub struct Weather {
    bad: bool,
    last_bad: Option<Instant>,
}

impl Weather {
    /// The server could not be heard.
    pub fn trouble(&mut self, failure: &Failure, audience: &mut dyn Audience) {
        self.last_bad = Some(Instant::now());
        if !std::mem::replace(&mut self.bad, true) {
            audience.event(&Event::Disturbed { says: failure.to_string() });
        }
    }

    /// The server was heard.
    pub fn fine(&mut self, audience: &mut dyn Audience) {
        if std::mem::take(&mut self.bad) {
            audience.event(&Event::Recovered);
        }
    }

    /// May a refusal of rights or credentials come from a server that is only half there?
    pub fn is_starting(&self) -> bool {
        self.last_bad.is_some_and(|at| at.elapsed() < STARTING)
    }
}
