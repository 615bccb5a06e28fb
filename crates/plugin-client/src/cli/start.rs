//! `main` of every plugin: command line, terminal, runtime, Ctrl-C, exit code. Does I/O.

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use cluster_model::text::sanitize;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use crate::cli::completion;
use crate::cli::output::requested_output;
use crate::cli::short_help;
use crate::cli::ui::Signals;
use crate::{Completion, ConnectionFlags, Exit, Failure, Ui, publish};

/// A plugin's command line, as far as all plugins share it.
pub trait CommandLine: Parser {
    /// The kind of its report, and the field of what it is about: `DrainReport` and `nodes`.
    const REPORT: (&'static str, &'static str);

    /// The ids of the flags that `-h` shows, which has to fit a small screen.
    const COMMON_FLAGS: &'static [&'static str] = &[];

    fn connection(&self) -> &ConnectionFlags;

    /// `-q`: nothing on stderr but warnings and failures.
    fn quiet(&self) -> bool {
        false
    }
}

/// Parses the arguments, runs `body` and reports its failure. Ctrl-C ends the body by dropping it (exit 130), unless it waits for `Ui::interrupted` itself;
/// a second Ctrl-C always does.
pub fn start<A, F, Fut>(body: F) -> ExitCode
where
    A: CommandLine + Completion,
    F: FnOnce(A, Ui) -> Fut,
    Fut: Future<Output = Result<Exit, Failure>>,
{
    start_with(std::env::args_os(), body)
}

fn start_with<A, F, Fut>(words: impl IntoIterator<Item = OsString>, body: F) -> ExitCode
where
    A: CommandLine + Completion,
    F: FnOnce(A, Ui) -> Fut,
    Fut: Future<Output = Result<Exit, Failure>>,
{
    let words: Vec<OsString> = words.into_iter().collect();
    if let Some(exit) = completion::handled::<A>(&A::command(), &words) {
        return exit;
    }
    let args = match parse::<A>(&words) {
        Ok(args) => args,
        Err(error) => {
            let error = safe_to_show::<A>(&words).unwrap_or(error);
            if error.kind() == ErrorKind::DisplayHelp && short_help::is_wanted(&words) {
                let _ = short_help::short_help(A::command(), A::COMMON_FLAGS).print_help();
                return Exit::Done.into();
            }
            // A closed pipe behind `--help | head` is no error.
            let _ = error.print();
            if let ErrorKind::DisplayHelp | ErrorKind::DisplayVersion = error.kind() {
                return Exit::Done.into();
            }
            let ui = Ui::terminal(false, 0);
            document::<A>(&ui, &words, &complaint(&error), Exit::Usage);
            ui.flush_at_the_end(Exit::Usage);
            return Exit::Usage.into();
        }
    };
    let ui = Ui::terminal(args.quiet(), args.connection().verbosity);
    ui.set_cluster_flags(args.connection());
    let warnings_fail = args.connection().warnings_as_errors == Some(true);
    let exit = match run(body, args, &ui) {
        Ok(exit) => exit,
        Err(failure) => {
            ui.failure(&failure);
            document::<A>(&ui, &words, &failure.to_string(), failure.exit);
            failure.exit
        }
    };
    ui.flush_at_the_end(exit);
    let Some(failure) = closing(&ui, warnings_fail) else { return exit.into() };
    ui.failure(&failure);
    ui.flush_at_the_end(exit);
    if exit == Exit::Done { failure.exit.into() } else { exit.into() }
}

/// Whatever happens, a program that reads stdout gets a document: this one, if the run has left none.
fn document<A: CommandLine>(ui: &Ui, words: &[OsString], error: &str, exit: Exit) {
    let words: Vec<_> = words.iter().skip(1).map(|word| word.to_string_lossy()).collect();
    let output = requested_output(words.iter().map(AsRef::as_ref));
    if !output.is_structured() || ui.has_documented() {
        return;
    }
    let result = match exit {
        Exit::Usage | Exit::Refused => "refused",
        Exit::Timeout => "timeout",
        Exit::Interrupted => "interrupted",
        Exit::Done | Exit::Failed | Exit::Partial | Exit::Incomplete => "failed",
    };
    let (kind, subjects) = A::REPORT;
    let now = Timestamp::now().to_string();
    let report = json!({"kind": kind, "result": result, subjects: [], "findings": [], "error": error,
        "startedAt": now, "finishedAt": now});
    publish(ui, output, &report, Vec::new);
}

/// Without the usage that clap adds below.
fn complaint(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let all = lines.join(" ");
    all.strip_prefix("error: ").unwrap_or(&all).to_owned()
}

/// clap quotes arguments as they are, and scripts pass on text from clusters: the same error about sanitized arguments.
fn safe_to_show<A: CommandLine>(words: &[OsString]) -> Option<clap::Error> {
    let shown: Vec<OsString> =
        words.iter().map(|word| sanitize(&word.to_string_lossy()).into_owned().into()).collect();
    if shown == words {
        return None;
    }
    parse::<A>(&shown).err()
}

fn parse<A: CommandLine>(words: &[OsString]) -> Result<A, clap::Error> {
    let mut command = completion::mentioned(A::command());
    let matches = command.try_get_matches_from_mut(words)?;
    A::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn run<A, F, Fut>(body: F, args: A, ui: &Ui) -> Result<Exit, Failure>
where
    F: FnOnce(A, Ui) -> Fut,
    Fut: Future<Output = Result<Exit, Failure>>,
{
    // One thread: all waiting is for the network.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("cannot start").cause(error.to_string()))?;
    let cannot_listen =
        |error: std::io::Error| Failure::failed("cannot handle Ctrl-C").cause(error.to_string());
    ui.end_if_unread().map_err(cannot_listen)?;
    let outcome = runtime.block_on(async {
        // Before the body's first step: from here on this program handles Ctrl-C.
        let signals = Signals::listen().map_err(cannot_listen)?;
        tokio::select! {
            outcome = body(args, ui.clone()) => outcome,
            () = ui.unhandled_interrupt(signals) => {
                Err(Failure::new(Exit::Interrupted, "interrupted"))
            }
        }
    });
    // A credential plugin that still runs must not hold the exit up.
    runtime.shutdown_background();
    outcome
}

/// What turns success into failure at the very end.
fn closing(ui: &Ui, warnings_fail: bool) -> Option<Failure> {
    if let Some(error) = ui.lost_output() {
        return Some(Failure::failed("the result could not be written").cause(error));
    }
    let warnings = ui.server_warnings();
    (warnings_fail && warnings > 0).then(|| {
        let count = cluster_model::text::count(warnings, "warning");
        Failure::failed(format!("{count} from the server (--warnings-as-errors)"))
    })
}
