//! What a plugin prints through. Writes to the terminal.

use std::collections::HashSet;
use std::io::{self, ErrorKind, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tokio::sync::watch;

use super::line::{Line, Role};
use super::region::without_region;
use super::streams::{self, Stream, columns};
use super::writer::Writer;
use crate::mutex::lock;
use crate::{ConnectionFlags, Exit, Failure};

/// After the end of a run that was to end now, unread output is waited for no longer.
const UNREAD: Duration = Duration::from_secs(1);

/// Cheap to clone; all clones are one terminal.
#[derive(Clone)]
pub struct Ui(pub(super) Arc<Inner>);

pub(super) struct Inner {
    /// `None`: the real streams.
    pub(super) captured: Option<Mutex<Captured>>,
    pub(super) quiet: bool,
    pub(super) verbosity: u8,
    /// The flags that a command needs to reach the same cluster, as in ` --context c`.
    cluster_flags: OnceLock<String>,
    /// What is being redrawn at the bottom, if anything: other lines go above it.
    pub(super) region: Mutex<Option<ProgressBar>>,
    pub(super) server_warnings: Mutex<HashSet<String>>,
    pub(super) lost_output: Mutex<Option<String>>,
    pub(super) prompt_time: Mutex<Duration>,
    pub(super) writer: Writer,
    /// Since when the run waits for the reader of its output.
    pub(super) flushing_since: Mutex<Option<Instant>>,
    /// Was a document written to stdout?
    pub(super) documented: AtomicBool,
    pub(super) interrupts: watch::Sender<u32>,
    pub(super) interrupts_claimed: AtomicBool,
}

#[derive(Default)]
pub(super) struct Captured {
    out: Vec<u8>,
    err: Vec<u8>,
}

/// A long list goes on below; commands, which are in the midst of the words, stay in one piece.
fn hinted(line: Line) -> Line {
    let has_command = line.text().contains("kubectl ");
    let line = Line::new().command("hint:").plain(" ").then(line);
    if has_command { line } else { line.hanging(6) }
}

/// That a question was answered with no is no error.
fn reported(failure: &Failure) -> Line {
    let line = Line::from(failure.to_string());
    if failure.is_answer { line } else { Line::new().bad("error:").plain(" ").then(line).hanging(2) }
}

impl Ui {
    /// `quiet` silences `status` and `live`; from verbosity 1 requests are logged.
    pub fn terminal(quiet: bool, verbosity: u8) -> Self {
        Ui::new(None, quiet, verbosity)
    }

    /// Writes into memory, without colour; never asks and never draws. For tests, and where nobody must be
    /// disturbed.
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
            cluster_flags: OnceLock::new(),
            region: Mutex::default(),
            server_warnings: Mutex::default(),
            lost_output: Mutex::default(),
            prompt_time: Mutex::default(),
            writer: Writer::default(),
            flushing_since: Mutex::default(),
            documented: AtomicBool::new(false),
            interrupts: watch::Sender::new(0),
            interrupts_claimed: AtomicBool::new(false),
        }))
    }

    /// Commands that are shown from now on act on the same cluster as this run.
    pub fn set_cluster_flags(&self, flags: &ConnectionFlags) {
        let _ = self.0.cluster_flags.set(flags.of_cluster());
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

    /// A line of a plan: as `status`, and also with `--quiet` if it `is_asked` about. Nobody can agree to what was not shown.
    pub fn plan(&self, line: &Line, is_asked: bool) {
        if !self.0.quiet || is_asked && self.can_prompt() {
            self.write(Stream::Err, line);
        }
    }

    pub fn warn(&self, line: impl Into<Line>) {
        self.write(Stream::Err, &Line::new().warn("warning:").plain(" ").then(line).hanging(2));
    }

    pub fn hint(&self, line: impl Into<Line>) {
        self.write(Stream::Err, &hinted(line.into()));
    }

    pub fn failure(&self, failure: &Failure) {
        self.write(Stream::Err, &reported(failure));
        for hint in &failure.hints {
            self.hint(Line::new().ending_in_command(Role::Plain, hint));
        }
        for line in &failure.block {
            self.write(Stream::Err, &Line::from(line.as_str()));
        }
    }

    /// The width of the terminal that results go to; `None` if they go elsewhere, where nothing needs to fit.
    pub fn width(&self) -> Option<usize> {
        self.0.captured.is_none().then(|| columns(Stream::Out)).flatten()
    }

    /// Nothing reaches the terminal.
    pub(crate) fn is_captured(&self) -> bool {
        self.0.captured.is_some()
    }

    pub fn quiet(&self) -> bool {
        self.0.quiet
    }

    pub fn verbosity(&self) -> u8 {
        self.0.verbosity
    }

    /// Is there a live view, which what others write to the terminal would break?
    pub fn is_drawing(&self) -> bool {
        lock(&self.0.region).is_some()
    }

    /// A line of the `-v` log: requested by a flag, so also with `--quiet`.
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

    /// Why the result could not be written. A closed pipe is no failure: its reader has seen enough.
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

    pub(super) fn write(&self, stream: Stream, line: &Line) {
        let colour = self.0.captured.is_none();
        let line = self.0.cluster_flags.get().map_or_else(|| line.clone(), |flags| line.with_flags(flags));
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
            Some(bar) => without_region(&bar, || streams::emit(stream, text)),
            None => streams::emit(stream, text),
        };
        if let (Stream::Out, Err(error)) = (stream, written)
            && error.kind() != ErrorKind::BrokenPipe
        {
            *lock(&self.0.lost_output) = Some(error.to_string());
        }
    }

    /// Waits until everything is written: before another program uses the terminal.
    pub(crate) fn flush(&self) {
        let _flushing = self.flushing();
        self.0.writer.flush(None);
    }

    /// The same at the end of a run. One that was interrupted, or whose `--timeout` passed, ends although its output is not read.
    pub(crate) fn flush_at_the_end(&self, exit: Exit) {
        if !matches!(exit, Exit::Timeout | Exit::Interrupted) {
            return self.flush();
        }
        self.0.writer.flush(Some(UNREAD));
        self.0.writer.pass_by_stderr(UNREAD);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_hint_fits_the_terminal_unless_it_has_a_command() {
        let ids = vec!["HC101"; 40].join(", ");
        let lines = hinted(Line::from(format!("there are: {ids}"))).wrapped(80);
        assert!(lines.len() > 2 && lines.iter().all(|line| line.width() <= 80), "{lines:?}");
        let command = hinted(Line::from(format!("ask `kubectl apply {ids}`")));
        assert_eq!(command.wrapped(80).len(), 1);
    }

    #[test]
    fn a_no_is_no_error() {
        let ui = Ui::captured_with(true, 0);
        ui.failure(&Failure::declined("changed", None));
        ui.failure(&Failure::declined("evicted", Some("web")));
        assert_eq!(
            ui.err(),
            "declined; nothing was changed\ndeclined: web was not typed; nothing was evicted\n"
        );
    }
}
