//! Runs a command of a page, and returns what it printed as a reader would see it.

use std::fs::File;
use std::io::{Read, Seek};
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};

use ::testbed::{PATIENCE, poll};
use expectrl::process::unix::WaitStatus;
use expectrl::session::OsSession;
use expectrl::{Any, Eof, Expect, Session};

use crate::plugin::Owned;

/// As wide as the pages have it, and high enough for everything that one command prints.
const COLUMNS: NonZero<u16> = NonZero::new(118).unwrap();
const ROWS: NonZero<u16> = NonZero::new(200).unwrap();

/// Exit code and output; both streams, as they come.
pub fn in_a_pipe(mut shell: Command, file: &Path) -> (i32, String) {
    let mut printed = File::options().read(true).write(true).create(true).truncate(true).open(file).unwrap();
    let (out, err) = (printed.try_clone().unwrap(), printed.try_clone().unwrap());
    let mut child = Owned(shell.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap());
    let status = poll(PATIENCE, || child.0.try_wait().unwrap());
    let mut text = String::new();
    printed.rewind().unwrap();
    printed.read_to_string(&mut text).unwrap();
    let Some(status) = status else { panic!("still runs after {PATIENCE:?}; it has printed:\n{text}") };
    (status.code().unwrap_or(-1), text)
}

/// The same on a terminal: what its screen shows in the end. Every question is answered with yes.
pub fn on_a_terminal(mut shell: Command) -> (i32, vt100::Parser) {
    shell.env("TERM", "xterm-256color");
    let mut session: OsSession = Session::spawn(shell).unwrap();
    session.get_process_mut().set_window_size(COLUMNS.get(), ROWS.get()).unwrap();
    session.set_expect_timeout(Some(PATIENCE));
    let mut screen = vt100::Parser::new(ROWS, COLUMNS, 0);
    loop {
        let needles = Any::boxed(vec![
            Box::new("[y/N]"),
            Box::new(" to continue"),
            Box::new("select a revision to roll back to"),
            Box::new(Eof),
        ]);
        let found = match session.expect(needles) {
            Ok(found) => found,
            Err(error) => panic!("{error}; its screen:\n{}", screen.screen().contents()),
        };
        screen.process(found.as_bytes());
        let shown = screen.screen().contents();
        let keys = match found.get(0).unwrap_or_default() {
            b"[y/N]" => "y\r".to_owned(),
            b" to continue" => {
                let word = shown.rsplit("Type ").next().and_then(|rest| rest.split(' ').next());
                format!("{}\r", word.unwrap_or_default())
            }
            b"" => break,
            _ => "\r".to_owned(),
        };
        session.send(keys).unwrap();
    }
    match session.get_process().wait().unwrap() {
        WaitStatus::Exited(_, code) => (code, screen),
        other => panic!("{other:?}:\n{}", screen.screen().contents()),
    }
}
