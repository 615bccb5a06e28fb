//! The terminal: the only place that prints, asks or draws. Results go to stdout, everything else to stderr.

mod interrupt;
mod line;
mod live;
mod pick;
mod prompt;
mod unread;
mod writer;

use std::collections::HashSet;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use dialoguer::console::Term;
use indicatif::ProgressBar;
use tokio::sync::watch;

pub(crate) use interrupt::Signals;
pub use line::{Line, Role, table};
pub use live::Live;

use crate::{Exit, Failure};
use writer::Writer;

/// After the end of a run that was to end now, output that nobody reads is waited for no longer.
const UNREAD: Duration = Duration::from_secs(1);

/// Cheap to clone; all clones are one terminal.
#[derive(Clone)]
pub struct Ui(Arc<Inner>);

struct Inner {
    /// `None`: the real streams.
    captured: Option<Mutex<Captured>>,
    quiet: bool,
    verbosity: u8,
    /// What is being redrawn at the bottom, if anything: other lines go above it.
    region: Mutex<Option<ProgressBar>>,
    server_warnings: Mutex<HashSet<String>>,
    lost_output: Mutex<Option<String>>,
    time_asked: Mutex<Duration>,
    writer: Writer,
    /// Since when the run waits for whoever reads what was written.
    flushing_since: Mutex<Option<Instant>>,
    /// Was a document written to stdout?
    documented: AtomicBool,
    interrupts: watch::Sender<u32>,
    interrupts_claimed: AtomicBool,
}

#[derive(Default)]
struct Captured {
    out: Vec<u8>,
    err: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

impl Ui {
    /// `quiet` silences `status` and `live`; from verbosity 1 requests are logged.
    pub fn terminal(quiet: bool, verbosity: u8) -> Self {
        Ui::new(None, quiet, verbosity)
    }

    /// Writes into memory, without colour; never asks and never draws. For tests.
    pub fn captured() -> Self {
        Ui::new(Some(Mutex::default()), false, 0)
    }

    /// As `captured`, with another `quiet` and `verbosity`.
    pub fn captured_with(quiet: bool, verbosity: u8) -> Self {
        Ui::new(Some(Mutex::default()), quiet, verbosity)
    }

    fn new(captured: Option<Mutex<Captured>>, quiet: bool, verbosity: u8) -> Self {
        Ui(Arc::new(Inner {
            captured,
            quiet,
            verbosity,
            region: Mutex::default(),
            server_warnings: Mutex::default(),
            lost_output: Mutex::default(),
            time_asked: Mutex::default(),
            writer: Writer::default(),
            flushing_since: Mutex::default(),
            documented: AtomicBool::new(false),
            interrupts: watch::Sender::new(0),
            interrupts_claimed: AtomicBool::new(false),
        }))
    }

    /// The result: stdout.
    pub fn data(&self, line: &Line) {
        self.write(Stream::Out, line);
    }

    /// A ready document, as from `to_json`: stdout, as it is.
    pub fn document(&self, text: &str) {
        self.0.documented.store(true, Ordering::Relaxed);
        self.write_text(Stream::Out, text);
    }

    pub(crate) fn has_documented(&self) -> bool {
        self.0.documented.load(Ordering::Relaxed)
    }

    /// What is going on: stderr, not with `--quiet`.
    pub fn status(&self, line: &Line) {
        if !self.0.quiet {
            self.write(Stream::Err, line);
        }
    }

    pub fn warn(&self, line: impl Into<Line>) {
        self.write(Stream::Err, &Line::new().warn("warning:").plain(" ").then(line).hanging(2));
    }

    pub fn hint(&self, line: impl Into<Line>) {
        self.write(Stream::Err, &Line::new().command("hint:").plain(" ").then(line));
    }

    pub fn failure(&self, failure: &Failure) {
        self.write(Stream::Err, &Line::new().bad("error:").plain(format!(" {failure}")).hanging(2));
        for hint in &failure.hints {
            self.hint(hint.as_str());
        }
        for line in &failure.block {
            self.write(Stream::Err, &Line::from(line.as_str()));
        }
    }

    /// The width of the terminal that results go to; `None` if they go elsewhere, where nothing needs to fit.
    pub fn width(&self) -> Option<usize> {
        self.0.captured.is_none().then(|| columns(Stream::Out)).flatten()
    }

    pub fn quiet(&self) -> bool {
        self.0.quiet
    }

    pub fn verbosity(&self) -> u8 {
        self.0.verbosity
    }

    /// Is there a live view, which what others write to the terminal would break?
    pub(crate) fn is_drawing(&self) -> bool {
        lock(&self.0.region).is_some()
    }

    /// A line of the `-v` log: asked for, so also with `--quiet`.
    pub(crate) fn log(&self, line: &Line) {
        self.write(Stream::Err, &Line::new().then(line.clone()).all(Role::Dim));
    }

    /// A `Warning:` header, shown once however often it comes.
    pub(crate) fn server_warning(&self, text: &str) {
        if lock(&self.0.server_warnings).insert(text.to_owned()) {
            self.warn(text);
        }
    }

    /// How many different warnings the server sent.
    pub fn server_warnings(&self) -> usize {
        lock(&self.0.server_warnings).len()
    }

    /// What the client library logs, whole answers included when they cannot be read: at `-v=9` only. Never headers of requests.
    pub(crate) fn log_library(&self) {
        use tracing_subscriber::prelude::*;
        let targets = tracing_subscriber::filter::Targets::new()
            .with_target("kube_client", tracing::Level::DEBUG)
            .with_target("kube_runtime", tracing::Level::DEBUG);
        let ui = self.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .without_time()
            .with_writer(move || LogWriter(ui.clone()));
        // Already set by an earlier connection: fine.
        let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
    }

    /// Why the result could not be written. Not a closed pipe: whoever closed it has seen enough.
    pub(crate) fn lost_output(&self) -> Option<String> {
        lock(&self.0.lost_output).clone()
    }

    /// What a captured Ui got on stdout.
    pub fn out(&self) -> String {
        self.capture(|captured| &captured.out)
    }

    /// What a captured Ui got on stderr.
    pub fn err(&self) -> String {
        self.capture(|captured| &captured.err)
    }

    fn capture(&self, stream: impl Fn(&Captured) -> &Vec<u8>) -> String {
        let captured = self.0.captured.as_ref().map(|captured| stream(&lock(captured)).clone());
        String::from_utf8_lossy(&captured.unwrap_or_default()).into_owned()
    }

    fn write(&self, stream: Stream, line: &Line) {
        let colour = self.0.captured.is_none();
        let text = match self.0.captured.is_none().then(|| columns(stream)).flatten() {
            Some(width) => line.wrapped(width).iter().map(|line| line.render(colour) + "\n").collect(),
            None => line.render(colour) + "\n",
        };
        self.write_text(stream, &text);
    }

    fn write_text(&self, stream: Stream, text: &str) {
        if let Some(captured) = &self.0.captured {
            let mut captured = lock(captured);
            let buffer = match stream {
                Stream::Out => &mut captured.out,
                Stream::Err => &mut captured.err,
            };
            buffer.extend_from_slice(text.as_bytes());
            return;
        }
        let (ui, text) = (self.clone(), text.to_owned());
        self.0.writer.write(stream, move || ui.emit(stream, &text));
    }

    /// In the writer's thread.
    fn emit(&self, stream: Stream, text: &str) {
        // Nothing is drawn over a file or a pipe; and the lock is not held while a reader is waited for.
        let region = lock(&self.0.region).clone();
        let written = match region.filter(|_| stream == Stream::Err || io::stdout().is_terminal()) {
            Some(bar) => bar.suspend(|| emit(stream, text)),
            None => emit(stream, text),
        };
        if let (Stream::Out, Err(error)) = (stream, written)
            && error.kind() != ErrorKind::BrokenPipe
        {
            *lock(&self.0.lost_output) = Some(error.to_string());
        }
    }

    /// Waits until everything is written: before somebody else uses the terminal.
    pub(crate) fn flush(&self) {
        let _flushing = self.flushing();
        self.0.writer.flush(None);
    }

    /// The same at the end of a run. One that was interrupted, or whose `--timeout` passed, ends although nobody reads.
    pub(crate) fn flush_at_the_end(&self, exit: Exit) {
        if !matches!(exit, Exit::Timeout | Exit::Interrupted) {
            return self.flush();
        }
        self.0.writer.flush(Some(UNREAD));
        self.0.writer.pass_by_stderr(UNREAD);
    }
}

/// The colours are dropped when NO_COLOR, CLICOLOR, TERM=dumb or a pipe ask for it.
fn emit(stream: Stream, text: &str) -> io::Result<()> {
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

/// As anstream chooses, but for a dumb terminal: it colours one all the same when the variable CI is set.
fn palette(stream: &impl RawStream) -> ColorChoice {
    if is_dumb() { ColorChoice::Never } else { AutoStream::choice(stream) }
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// A panic elsewhere must not silence the report.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn columns(stream: Stream) -> Option<usize> {
    let terminal = match stream {
        Stream::Out => Term::stdout(),
        Stream::Err => Term::stderr(),
    };
    // Some terminals say 0 before they know.
    terminal.size_checked().map(|(_, columns)| usize::from(columns)).filter(|columns| *columns > 0)
}

fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// The library's log, neutralised line by line.
struct LogWriter(Ui);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in String::from_utf8_lossy(bytes).lines() {
            self.0.log(&Line::from(line));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
