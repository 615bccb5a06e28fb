//! `-h`: the flags that are used most, on one screen; `--help` has them all. No I/O.

use std::ffi::OsString;

use clap::{ArgAction, Command};

use crate::cli::flags::HEADING as CONNECTION;

/// Asked for by `-h`, and not by `--help`.
pub fn is_wanted(words: &[OsString]) -> bool {
    !words.iter().any(|word| word == "--help")
}

/// The command whose help is the short one; `common` are the ids of the flags in it.
pub fn short_help(command: Command, common: &[&str]) -> Command {
    // Of several paragraphs the first: the examples.
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let examples = after.split("\n\n").next().unwrap_or_default();
    let after = format!("{examples}\n\nsee --help for all flags");
    command
        .mut_args(|arg| {
            let is_hidden =
                arg.is_hide_set() || !(arg.is_positional() || common.contains(&arg.get_id().as_str()));
            // The two or three of the connection need no heading of their own.
            let arg = if arg.get_help_heading() == Some(CONNECTION) { arg.help_heading(None) } else { arg };
            let has_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
            arg.hide(is_hidden).hide_default_value(has_value).hide_possible_values(has_value)
        })
        .after_help(after)
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn the_short_help_has_the_common_flags_and_names_the_long_one() {
        let flag = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        let command = Command::new("drain")
            .args([Arg::new("node"), flag("yes"), flag("rare"), flag("secret").hide(true)])
            .after_help("Examples:\n  drain n1\n\nExit codes: many");
        let help = short_help(command, &["yes", "secret"]).render_help().to_string();
        for (text, is_there) in
            [("[node]", true), ("--yes", true), ("--rare", false), ("--secret", false), ("Exit", false)]
        {
            assert_eq!(help.contains(text), is_there, "{text}: {help}");
        }
        assert!(help.trim_end().ends_with("  drain n1\n\nsee --help for all flags"), "{help}");
    }

    #[test]
    fn the_long_help_has_its_name() {
        let is_wanted = |words: &[&str]| is_wanted(&words.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(is_wanted(&["drain", "-h"]) && !is_wanted(&["drain", "n1", "--help"]));
    }
}
