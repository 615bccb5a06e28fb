//! What happens in a proof, for whoever shows it: no text.

use std::time::Duration;

use super::kill::signal::Signal;
use super::timeline::Phase;

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Evicting {
        round: usize,
        victim: String,
        node: String,
    },
    Killing {
        round: usize,
        victim: String,
        node: String,
        container: String,
        signal: Signal,
    },
    /// An ephemeral container.
    Added {
        pod: String,
        container: String,
    },
    /// What keeps the next step from being taken, when that changes.
    Waiting {
        why: String,
    },
    Reached {
        phase: Phase,
        after: Duration,
        pod: String,
        node: String,
    },
    Recovered {
        round: usize,
        after: Duration,
    },
    CoolingDown {
        seconds: Duration,
    },
    /// Ctrl-C came while a round was under way.
    WaitingToLeave,
}

pub trait Reporter {
    fn event(&mut self, event: &Event);
    /// Something may have changed, or time has passed.
    fn draw(&mut self, doing: &str);
}
