//! The exit codes of every plugin. No I/O.
//!
//! The verdict is also in `-o json`: kubectl on Windows turns every code but 0 into 1 (pkg/cmd/plugin.go, `Execute`).

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done, or nothing found.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Refused or blocked before anything was changed: pre-flight, a declined prompt, no terminal and no `--yes`.
    Refused = 3,
    /// Partly done: the report lists what was done and what was not, and the command that continues.
    Partial = 4,
    /// Something could not be checked or seen, or nothing was there to check.
    Incomplete = 5,
    /// The deadline (`--timeout`) passed.
    Timeout = 124,
    /// Interrupted; the report lists the state of each object.
    Interrupted = 130,
}

impl Exit {
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
