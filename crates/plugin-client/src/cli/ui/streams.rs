//! stdout and stderr: whether they are terminals, how wide, and whether colour reaches them. Writes to them.

use std::io::{self, IsTerminal, Write};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use dialoguer::console::Term;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

/// The colours are dropped when NO_COLOR, CLICOLOR, TERM=dumb or a pipe require it.
pub(super) fn emit(stream: Stream, text: &str) -> io::Result<()> {
    match stream {
        Stream::Out => {
            let out = io::stdout().lock();
            let mut out = AutoStream::new(out, palette(&io::stdout()));
            out.write_all(text.as_bytes())?;
            out.flush()
        }
        Stream::Err => {
            AutoStream::new(io::stderr().lock(), palette(&io::stderr())).write_all(text.as_bytes())
        }
    }
}

/// Whether a write would not block now. If it would, it is the reader that is slow, and not this process.
#[cfg(unix)]
pub(super) fn takes_more(stream: Stream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let is_ready =
        |mut fds: [PollFd<'_>; 1]| poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0);
    match stream {
        Stream::Out => is_ready([PollFd::new(&io::stdout(), PollFlags::OUT)]),
        Stream::Err => is_ready([PollFd::new(&io::stderr(), PollFlags::OUT)]),
    }
}

#[cfg(not(unix))]
pub(super) fn takes_more(_: Stream) -> bool {
    false
}

/// As anstream chooses, but for a dumb terminal: it colours one all the same when the variable CI is set.
pub(super) fn palette(stream: &impl RawStream) -> ColorChoice {
    if is_dumb() { ColorChoice::Never } else { AutoStream::choice(stream) }
}

pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Of the terminal. Elsewhere what COLUMNS says, which `watch` sets for the programs that it runs.
pub(super) fn columns(stream: Stream) -> Option<usize> {
    let terminal = match stream {
        Stream::Out => Term::stdout(),
        Stream::Err => Term::stderr(),
    };
    // Some terminals report 0 before their size is set.
    let size =
        terminal.size_checked().map(|(_, columns)| usize::from(columns)).filter(|columns| *columns > 0);
    size.or_else(|| requested(std::env::var("COLUMNS").ok()?.as_str()))
}

/// Narrower than this nothing can be read.
const LEAST: usize = 20;

fn requested(columns: &str) -> Option<usize> {
    columns.trim().parse().ok().filter(|columns| *columns >= LEAST)
}

pub(super) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_a_sensible_number() {
        for (text, columns) in
            [("80", Some(80)), (" 200 ", Some(200)), ("0", None), ("-1", None), ("x", None)]
        {
            assert_eq!(requested(text), columns, "{text}");
        }
    }
}
