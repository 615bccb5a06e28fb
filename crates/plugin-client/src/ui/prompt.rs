//! Questions. They are asked on a terminal or not at all. Reads the terminal, draws on stderr.

use std::io::{self, ErrorKind, IsTerminal};

use cluster_model::text::neutralise;
use dialoguer::console::Term;
use dialoguer::{Confirm, Input};

use super::{Signals, Ui, is_terminal, lock};
use crate::{Exit, Failure};

impl Ui {
    /// Both stdin and stderr: dialoguer would read from /dev/tty when stdin is a pipe, and break when stderr is one.
    pub fn can_prompt(&self) -> bool {
        self.0.captured.is_none() && io::stdin().is_terminal() && is_terminal()
    }

    /// Yes or no; Enter alone is no.
    pub fn confirm(&self, question: &str) -> Result<bool, Failure> {
        self.ask(|terminal| {
            let answer = Confirm::new()
                .with_prompt(neutralise(question))
                .default(false)
                .wait_for_newline(true)
                .interact_on_opt(terminal)?;
            Ok(answer.unwrap_or(false))
        })
    }

    /// Yes only if `word` is typed out: for what cannot be undone.
    pub fn confirm_typed(&self, question: &str, word: &str) -> Result<bool, Failure> {
        self.ask(|terminal| {
            let prompt = format!("{} Type {} to go on", neutralise(question), neutralise(word));
            let typed: String =
                Input::new().with_prompt(prompt).allow_empty(true).interact_text_on(terminal)?;
            Ok(typed.trim() == word)
        })
    }

    fn ask<T>(&self, question: impl FnOnce(&Term) -> Result<T, dialoguer::Error>) -> Result<T, Failure> {
        if !self.can_prompt() {
            return Err(Failure::refused("needs confirmation: no terminal to ask on")
                .hint("look at it with --dry-run, then pass --yes"));
        }
        // With SIGINT's default action the process would die inside dialoguer, which hides the cursor while it waits.
        // tokio's handler stays for the life of the process; `start` has installed it already, others may not.
        let _signals = tokio::runtime::Handle::try_current().ok().and_then(|_| Signals::listen().ok());
        let terminal = Term::stderr();
        let _cursor = Cursor(&terminal);
        let region = lock(&self.0.region).clone();
        let answer = match region {
            Some(bar) => bar.suspend(|| question(&terminal)),
            None => question(&terminal),
        };
        answer.map_err(|dialoguer::Error::IO(error)| match error.kind() {
            ErrorKind::Interrupted => {
                Failure::new(Exit::Interrupted, "interrupted at the question; nothing was done")
            }
            _ => Failure::refused("the question got no answer").cause(error.to_string()),
        })
    }
}

/// Shows the cursor again, however the question ends.
struct Cursor<'a>(&'a Term);

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        // There is no one to tell if this fails.
        let _ = self.0.show_cursor();
    }
}
