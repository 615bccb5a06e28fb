//! A terminal to run a plugin on, and what is to be seen there.

use std::num::NonZero;
use std::process::Command;
use std::time::{Duration, SystemTime};

use ::testbed::PATIENCE;
use expectrl::process::unix::WaitStatus;
use expectrl::session::OsSession;
use expectrl::{Eof, Expect, Session};

use crate::plugin::{Run, Witness};

const ROWS: NonZero<u16> = NonZero::new(30).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(120).unwrap();

const XTERM: &str = "xterm-256color";

pub const CTRL_C: &str = "\u{3}";
pub const SHOW_CURSOR: &str = "\u{1b}[?25h";
pub const HIDE_CURSOR: &str = "\u{1b}[?25l";

/// A plugin on a terminal of its own, under the eyes of the independent watcher.
pub struct Tty<'r> {
    session: OsSession,
    witness: Option<Witness<'r>>,
    /// When the text that was last waited for was there, and when that was so at the last keys: what they agree to.
    found: Option<SystemTime>,
    shown: Option<SystemTime>,
    /// Everything it has written so far.
    seen: Vec<u8>,
}

impl<'r> Tty<'r> {
    #[track_caller]
    pub fn start(run: &Run<'r>, environment: &[(&str, &str)]) -> Self {
        let witness = run.witness();
        let mut command = run.command();
        command.env("TERM", XTERM).envs(environment.iter().copied());
        Self { witness, ..Tty::spawn(command) }
    }

    /// Any other program, and nobody watches what it does.
    #[track_caller]
    pub fn of(mut command: Command) -> Self {
        command.env("TERM", XTERM);
        Tty::spawn(command)
    }

    #[track_caller]
    fn spawn(command: Command) -> Self {
        let mut session = Session::spawn(command).unwrap();
        session.get_process_mut().set_window_size(COLUMNS.get(), ROWS.get()).unwrap();
        session.set_expect_timeout(Some(PATIENCE));
        Self { session, witness: None, found: None, shown: None, seen: Vec::new() }
    }

    #[track_caller]
    pub fn until(&mut self, text: &str) -> &mut Self {
        match self.session.expect(text) {
            Ok(found) => {
                self.seen.extend_from_slice(found.as_bytes());
                self.found = Some(SystemTime::now());
            }
            Err(error) => panic!("no {text:?} on the terminal: {error}; before it:\n{}", self.text()),
        }
        self
    }

    pub fn keys(&mut self, keys: &str) -> &mut Self {
        self.session.send(keys).unwrap();
        self.shown = self.found;
        self
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Reads to the end; the exit code.
    #[track_caller]
    pub fn end(&mut self) -> i32 {
        if let Ok(found) = self.session.expect(Eof) {
            self.seen.extend_from_slice(found.as_bytes());
        }
        let code = match self.session.get_process().wait().unwrap() {
            WaitStatus::Exited(_, code) => code,
            other => panic!("{other:?}:\n{}", self.text()),
        };
        if let Some(witness) = self.witness.take() {
            witness.judge(&format!("{}\n{}", self.text(), self.screen()), self.shown);
        }
        code
    }

    /// What a terminal shows in the end.
    pub fn screen(&self) -> String {
        let mut terminal = vt100::Parser::new(ROWS, COLUMNS, 500);
        terminal.process(&self.seen);
        terminal.screen().contents()
    }

    #[track_caller]
    pub fn assert_left_clean(&self) {
        let text = self.text();
        assert!(text.rfind(SHOW_CURSOR) >= text.rfind(HIDE_CURSOR), "the cursor is hidden:\n{text:?}");
        let screen = self.screen();
        for leftover in ["━", "stopping", "waiting\n"] {
            assert!(!screen.contains(leftover), "{leftover:?} is left on the screen:\n{screen}");
        }
    }
}

/// Colours are `ESC [ … m`.
/// Of a result such as `node/n drained: 2 pods gone, 0 ignored, 5.1s`.
pub fn seconds_in(result: &str) -> f64 {
    let mut seconds = result.split_whitespace().rev().filter_map(|word| word.strip_suffix('s')?.parse().ok());
    seconds.next().unwrap_or_else(|| panic!("no duration in {result:?}"))
}

/// What a run says that it took, without the time that a person took to answer its question.
pub fn assert_answer_is_not_counted(said: f64, asked: Duration, whole: Duration) {
    let rounded = 0.1;
    assert!(
        said + asked.as_secs_f64() <= whole.as_secs_f64() + rounded,
        "{said}s of {whole:?}, of which the question took {asked:?}"
    );
}

pub fn has_colours(text: &str) -> bool {
    text.split("\u{1b}[").skip(1).any(|rest| {
        let parameters = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        parameters.starts_with('m') && !rest.starts_with('m') && !rest.starts_with("0m")
    })
}
