//! The one place that writes to the terminal: a calm line per step, on stderr.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// Without a terminal, a line is printed only this often.
const QUIET: Duration = Duration::from_secs(15);

pub fn line(text: &str) {
    let _ = writeln!(stderr(), "{text}");
}

/// A long step: rewritten in place on a terminal, otherwise a line now and then.
pub(crate) struct Progress {
    started: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    pub fn start() -> Self {
        Self { started: Instant::now(), shown: None, terminal: stderr().is_terminal() }
    }

    pub fn show(&mut self, text: &str) {
        if !self.terminal && self.shown.is_some_and(|shown| shown.elapsed() < QUIET) {
            return;
        }
        self.shown = Some(Instant::now());
        let text = format!("{text}  {}", clock(self.started.elapsed()));
        if self.terminal {
            let _ = write!(stderr(), "\r\x1b[K{text}");
            let _ = stderr().flush();
        } else {
            line(&text);
        }
    }

    pub fn finish(self) {
        if self.terminal && self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    format!("{}m{:02}s", seconds / 60, seconds % 60)
}
