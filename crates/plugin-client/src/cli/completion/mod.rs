//! Words that are handled before the command line is parsed, the same for each plugin: `__complete WORDS…`, `completion SHELL`, `__man`.

mod answer;
mod candidate;
mod completing;
mod flags;
mod man;
#[cfg(test)]
mod probe;
mod scripts;
mod shared;
mod typed;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Command;

pub use candidate::{Candidate, Candidates};
pub use completing::{Completing, Completion};

use self::scripts::Plugin;
use crate::{Exit, Failure, Ui};

/// `None`: the command line is an ordinary one. An object that is called like one of these words is still there as TYPE/NAME.
pub(crate) fn handled<A: Completion>(command: &Command, words: &[OsString]) -> Option<ExitCode> {
    let mut words = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
    let ui = Ui::terminal(true, 0);
    let exit = match words.next()?.as_str() {
        "__complete" => {
            std::panic::set_hook(Box::new(|_| hold_back()));
            ui.document(&answer::answer::<A>(command.clone(), words.collect()));
            Exit::Done
        }
        "__man" => print(&ui, manual(command)),
        "completion" => print(&ui, script(&Plugin(command.get_name()), &words.collect::<Vec<_>>())),
        _ => return None,
    };
    ui.flush_at_the_end(exit);
    Some(exit.into())
}

/// Whatever happens, nothing disturbs the line that is being typed: no message, and, as the shipped programs abort after a panic, no end of
/// the thread that has the defect either. The answer is empty once its time is over.
fn hold_back() {
    while std::thread::current().name() != Some("main") {
        std::thread::park();
    }
}

fn print(ui: &Ui, text: Result<String, Failure>) -> Exit {
    match text {
        Ok(text) => {
            ui.document(&text);
            Exit::Done
        }
        Err(failure) => {
            ui.failure(&failure);
            failure.exit
        }
    }
}

fn manual(command: &Command) -> Result<String, Failure> {
    let page = man::page(command.clone(), &Plugin(command.get_name()).file());
    let page =
        page.map_err(|error| Failure::failed("cannot write the manual page").cause(error.to_string()))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn script(plugin: &Plugin<'_>, words: &[String]) -> Result<String, Failure> {
    let [shell] = words else {
        return Err(wrong_shell(plugin, ": one of kubectl, bash, zsh, fish expected"));
    };
    if let "-h" | "--help" = shell.as_str() {
        return Ok(plugin.help());
    }
    let wrong = || wrong_shell(plugin, &format!(" {shell}: one of kubectl, bash, zsh, fish expected"));
    plugin.script(shell).ok_or_else(wrong)
}

fn wrong_shell(plugin: &Plugin<'_>, what: &str) -> Failure {
    Failure::usage(format!("completion{what}"))
        .hint(plugin.usage())
        .hint("for an object called completion, write TYPE/completion")
}

/// The command with one more line of help.
pub(crate) fn mentioned(command: Command) -> Command {
    let line = format!("\n\nCompletion on TAB: {}", Plugin(command.get_name()).usage());
    let with = |help: &clap::builder::StyledStr| format!("{help}{line}");
    if let Some(help) = command.get_after_long_help().map(with) {
        return command.after_long_help(help);
    }
    let help = command.get_after_help().map_or_else(|| line.trim_start().to_owned(), with);
    command.after_help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Result<String, Failure> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        script(&Plugin("kubectl safe-probe"), &words)
    }

    #[test]
    fn a_wrong_shell_is_wrong_usage_that_names_the_four() {
        for words in [&[][..], &["tcsh"], &["bash", "x"], &["node-1"]] {
            let failure = of(words).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.to_string().contains("kubectl, bash, zsh, fish"), "{failure}");
            assert_eq!(failure.hints[0], "kubectl safe-probe completion kubectl|bash|zsh|fish");
        }
        assert!(of(&["bash"]).is_ok());
        assert!(
            of(&["--help"]).unwrap().contains("Usage: kubectl safe-probe completion kubectl|bash|zsh|fish\n")
        );
    }

    #[test]
    fn only_the_first_word_is_looked_at() {
        let handles = |words: &[&str]| {
            let words: Vec<OsString> = ["probe"].iter().chain(words).map(Into::into).collect();
            handled::<probe::Probe>(&probe::command(), &words).is_some()
        };
        for words in [
            &[][..],
            &["node/completion"],
            &["deploy/completion"],
            &["a", "completion"],
            &["--", "completion"],
            &["-y"],
        ] {
            assert!(!handles(words), "{words:?}");
        }
    }

    #[test]
    fn the_help_mentions_it_in_one_line() {
        let line = "Completion on TAB: kubectl safe-probe completion kubectl|bash|zsh|fish";
        let help = |command: Command| mentioned(command).render_long_help().to_string();
        assert!(
            help(probe::command()).ends_with(&format!("Exit codes: 0 done\n\n{line}\n")),
            "{}",
            help(probe::command())
        );
        assert!(help(probe::command().after_long_help("Long.")).ends_with(&format!("Long.\n\n{line}\n")));
    }
}
