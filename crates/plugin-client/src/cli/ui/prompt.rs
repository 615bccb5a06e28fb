//! Questions. They are asked on a terminal or not at all. Reads the terminal, draws on stderr.

use std::io::{self, ErrorKind, IsTerminal};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use dialoguer::console::Term;
use tokio::sync::oneshot;

use super::answer;
use super::interrupt::Signals;
use super::line::Line;
use super::region::without_region;
use super::streams::{Stream, is_terminal};
use super::terminal::Ui;
use crate::mutex::lock;
use crate::{Exit, Failure};

type Answer<T> = Result<T, dialoguer::Error>;

impl Ui {
    /// Both stdin and stderr: dialoguer would read from /dev/tty when stdin is a pipe, and break when stderr is one.
    pub fn can_prompt(&self) -> bool {
        self.0.captured.is_none() && io::stdin().is_terminal() && is_terminal()
    }

    /// Yes or no; Enter alone is no, and so is Ctrl-D.
    pub fn confirm(&self, question: &str) -> Result<bool, Failure> {
        let prompt = self.explained(question, " [y/N] yes".len());
        self.ask(unconfirmed(), move |terminal| Ok(answer::yes(terminal, &prompt)?))
    }

    /// Yes only if `word` is typed out: for what cannot be undone.
    pub fn confirm_typed(&self, question: &str, word: &str) -> Result<bool, Failure> {
        let question = format!("{question} Type {word} to continue");
        let prompt = self.explained(&question, ": ".len() + word.len());
        let word = word.to_owned();
        self.ask(unconfirmed(), move |terminal| Ok(answer::typed(terminal, &prompt, &word)?))
    }

    /// dialoguer redraws a question for every key, and only ever its last row: of one that is longer than a row, all but its last
    /// sentence is shown before. `more` columns follow it.
    fn explained(&self, question: &str, more: usize) -> String {
        let width = usize::from(Term::stderr().size().1);
        let line = Line::from(question);
        if line.width() + more < width || !self.can_prompt() {
            return line.text();
        }
        let end = question.rfind(". ").or_else(|| question.rfind("? "));
        let (before, last) =
            end.map_or((question, "Continue?"), |end| (&question[..=end], &question[end + 2..]));
        self.write(Stream::Err, &Line::from(before).hanging(2));
        Line::from(last).text()
    }

    /// How long questions have waited for their answers, all together: no time of the run's (`Bounds::until`).
    pub fn prompt_time(&self) -> Duration {
        *lock(&self.0.prompt_time)
    }

    /// As if a question had waited so long. For tests.
    pub fn add_prompt_time(&self, time: Duration) {
        *lock(&self.0.prompt_time) += time;
    }

    /// `nowhere` is how it ends without a terminal.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        nowhere: Failure,
        question: impl FnOnce(&Term) -> Answer<T> + Send + 'static,
    ) -> Result<T, Failure> {
        if !self.can_prompt() {
            return Err(nowhere);
        }
        self.flush();
        let terminal = Term::stderr();
        let _before = Before::new(&terminal);
        discard_input();
        let prompt = || answer_or_signal(question, terminal.clone());
        let region = lock(&self.0.region).clone();
        let since = Instant::now();
        let answer = match region {
            Some(bar) => without_region(&bar, prompt),
            None => prompt(),
        };
        self.add_prompt_time(since.elapsed());
        match answer {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(dialoguer::Error::IO(error))) if error.kind() != ErrorKind::Interrupted => {
                Err(Failure::refused("the question got no answer").cause(error.to_string()))
            }
            _ => Err(Failure::new(Exit::Interrupted, "interrupted at the question; nothing was changed")),
        }
    }
}

/// What was typed before the question is no answer to it: it may be about to confirm a plan that is shown only now.
fn discard_input() {
    #[cfg(unix)]
    let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
}

fn unconfirmed() -> Failure {
    Failure::refused("needs confirmation: no terminal to ask on; nothing was changed")
        .hint("look at it with --dry-run, then pass --yes")
}

/// Nothing if a signal came first. dialoguer blocks its thread and does not handle SIGTERM, nor a Ctrl-C typed before it reads keys;
/// and with their default action the process would end with the cursor hidden.
fn answer_or_signal<T: Send + 'static>(
    question: impl FnOnce(&Term) -> Answer<T> + Send + 'static,
    terminal: Term,
) -> Option<Answer<T>> {
    let (sender, answer) = mpsc::channel();
    // Dropped with this function: the listener ends.
    let (_over, over) = oneshot::channel::<()>();
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
        let signals = {
            let _inside = runtime.enter();
            Signals::listen()
        };
        let sender = sender.clone();
        thread::spawn(move || {
            let Ok(mut signals) = signals else { return };
            runtime.block_on(async {
                tokio::select! {
                    () = signals.next() => { let _ = sender.send(None); }
                    _ = over => {}
                }
            });
        });
    }
    // After a signal it stays behind in its read; the program is about to end.
    thread::spawn(move || sender.send(Some(question(&terminal))));
    answer.recv().ok().flatten()
}

/// How the terminal was before the question, and will be after it, however that ends.
struct Before<'a> {
    terminal: &'a Term,
    #[cfg(unix)]
    mode: Option<rustix::termios::Termios>,
}

impl<'a> Before<'a> {
    fn new(terminal: &'a Term) -> Self {
        Before {
            terminal,
            #[cfg(unix)]
            mode: rustix::termios::tcgetattr(io::stdin()).ok(),
        }
    }
}

impl Drop for Before<'_> {
    fn drop(&mut self) {
        // A failure here cannot be reported anywhere.
        #[cfg(unix)]
        if let Some(mode) = &self.mode {
            let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, mode);
        }
        let _ = self.terminal.show_cursor();
    }
}
