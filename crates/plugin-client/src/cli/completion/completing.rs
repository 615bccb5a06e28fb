//! What a plugin adds to completion, and what it is asked.

use clap::{CommandFactory, FromArgMatches, Parser};

use super::candidate::Candidates;
use super::typed::Typed;
use crate::connection::client::connect;
use crate::{Cluster, ConnectionFlags, Failure, Ui};

/// The values that a plugin offers: of its positional arguments, and of those of its flags whose values clap does not know. All else is
/// the same for each plugin.
///
/// It must read only: pressing TAB changes nothing.
pub trait Completion {
    fn complete(_at: &Completing<'_>) -> impl Future<Output = Result<Candidates, Failure>> {
        std::future::ready(Ok(Candidates::default()))
    }
}

/// The word that is being completed, and what the command line says before it.
pub struct Completing<'a> {
    pub(super) plugin: &'a str,
    pub(super) line: &'a Typed<'a>,
    pub(super) flag: Option<&'a str>,
    pub(super) typed: &'a str,
}

impl Completing<'_> {
    /// The long name of the flag whose value it is; `None` for a positional argument.
    pub fn flag(&self) -> Option<&str> {
        self.flag
    }

    /// What was typed of it so far. Candidates that do not begin with it are dropped later.
    pub fn typed(&self) -> &str {
        self.typed
    }

    /// The positional arguments before it.
    pub fn words(&self) -> &[String] {
        &self.line.words
    }

    /// Was one of these flags given before it?
    pub fn has(&self, flags: &[&str]) -> bool {
        self.line.given.iter().any(|given| given.flag.get_long().is_some_and(|long| flags.contains(&long)))
    }

    /// The connection that the command line asks for. Nothing is printed or asked on the way.
    pub async fn cluster(&self) -> Result<Cluster, Failure> {
        let plugin = self.plugin.replace(' ', "-");
        connect(&connection(self.line)?, &plugin, &Ui::captured()).await
    }
}

#[derive(Parser)]
struct Connection {
    #[command(flatten)]
    flags: ConnectionFlags,
}

/// kubectl's flags among those that were given.
pub(super) fn connection(line: &Typed<'_>) -> Result<ConnectionFlags, Failure> {
    let command = Connection::command();
    let known = |long: &str| command.get_arguments().any(|flag| flag.get_long() == Some(long));
    let words = line.given.iter().filter_map(|given| {
        let long = given.flag.get_long().filter(|long| known(long))?;
        Some(match &given.value {
            Some(value) => format!("--{long}={value}"),
            None => format!("--{long}"),
        })
    });
    let words = ["completion".to_owned()].into_iter().chain(words);
    let wrong = |error: clap::Error| Failure::usage(error.to_string());
    let matches = Connection::command().try_get_matches_from(words).map_err(wrong)?;
    let mut flags = Connection::from_arg_matches(&matches).map_err(wrong)?.flags;
    // One request more, and a reason to fail.
    flags.match_server_version = None;
    flags.verbosity = 0;
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::super::probe::command;
    use super::*;

    #[test]
    fn requests_are_made_as_the_command_line_says() {
        let command = command();
        let words = [
            "a",
            "--context=c",
            "-yn",
            "shop",
            "--as",
            "me",
            "--as-group=g",
            "--as-group=h",
            "--allow=x",
            "--insecure-skip-tls-verify",
            "--match-server-version",
            "-v=9",
            "",
        ]
        .map(str::to_owned);
        let flags = connection(&Typed::read(&command, &words)).unwrap();
        assert_eq!((flags.context.as_deref(), flags.namespace.as_deref()), (Some("c"), Some("shop")));
        assert_eq!((flags.impersonate.as_deref(), flags.impersonate_groups.len()), (Some("me"), 2));
        assert_eq!(flags.insecure_skip_tls_verify, Some(true));
        assert_eq!((flags.match_server_version, flags.verbosity), (None, 0));
    }
}
