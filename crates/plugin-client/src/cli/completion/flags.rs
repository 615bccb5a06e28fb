//! Names of flags, and values that clap knows. Pure.

use clap::{Arg, Command};

use super::candidate::{Candidate, Candidates};
use super::typed::{Typed, is_repeatable};

/// What begins with `typed`, which begins with a dash. A single dash offers the letters too. The rare flags of kubectl that `--help`
/// leaves out are offered from their first letter on.
pub(super) fn names(command: &Command, line: &Typed<'_>, typed: &str) -> Candidates {
    let named = !typed.trim_start_matches('-').is_empty();
    let is_offered = |flag: &&Arg| {
        let is_rare = flag.is_hide_set();
        !flag.is_positional()
            && (is_repeatable(flag) || !line.is_given(flag))
            // Without help it is accepted and does nothing.
            && (!is_rare || named && flag.get_help().is_some())
    };
    let mut all = Vec::new();
    for flag in command.get_arguments().filter(is_offered) {
        let help = first_sentence(flag);
        let short = flag.get_short().map(|letter| format!("-{letter}"));
        let long = flag.get_long().map(|name| format!("--{name}"));
        all.extend([long, short].into_iter().flatten().map(|name| Candidate::new(name, &help)));
    }
    all.into_iter().collect()
}

/// The values of an enum or of a boolean flag.
pub(super) fn values(flag: &Arg) -> Option<Candidates> {
    if flag.get_value_names().is_some_and(|names| names == ["BOOL"]) {
        return Some(["true", "false"].map(|value| Candidate::new(value, "")).into_iter().collect());
    }
    let values = flag.get_possible_values();
    let candidate = |value: &clap::builder::PossibleValue| {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        Candidate::new(value.get_name(), help)
    };
    (!values.is_empty()).then(|| values.iter().filter(|value| !value.is_hide_set()).map(candidate).collect())
}

/// A path on this machine.
pub(super) fn is_file(flag: &Arg) -> bool {
    flag.get_value_names().is_some_and(|names| names == ["FILE"])
}

fn first_sentence(flag: &Arg) -> String {
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    let line = help.lines().next().unwrap_or_default();
    line.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::probe::command;
    use super::*;

    fn offered(words: &[&str]) -> Vec<String> {
        let command = command();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let line = Typed::read(&command, &words);
        let last = words.last().unwrap();
        let printed = names(&command, &line, last).print("", last);
        printed.lines().filter(|line| !line.starts_with(':')).map(str::to_owned).collect()
    }

    #[test]
    fn flags_come_with_the_first_sentence_of_their_help() {
        assert_eq!(offered(&["--all"]), ["--allow\tAccept findings by id"]);
        assert_eq!(offered(&["--ye"]), ["--yes\tDo not ask"]);
        let all = offered(&["-"]);
        for line in
            ["-y\tDo not ask", "--yes\tDo not ask", "-n\tIf present, the namespace scope for this request"]
        {
            assert!(all.iter().any(|offered| offered == line), "{line} is not in {all:#?}");
        }
        assert!(offered(&["-y"]).contains(&"-y\tDo not ask".to_owned()));
    }

    #[test]
    fn what_was_given_is_not_offered_again_unless_it_may_be_repeated() {
        assert!(offered(&["--yes", "--ye"]).is_empty());
        assert!(offered(&["-y", "--ye"]).is_empty());
        assert_eq!(offered(&["--allow=x", "--all"]).len(), 1);
    }

    #[test]
    fn rare_flags_are_offered_once_their_name_has_begun() {
        assert!(!offered(&["--"]).iter().any(|line| line.starts_with("--as\t")));
        assert_eq!(offered(&["--as"])[0], "--as\tUser to act as");
        assert!(offered(&["--vmod"]).is_empty(), "it does nothing");
    }

    #[test]
    fn values_that_clap_knows() {
        let command = command();
        let of = |long: &str| {
            let flag = command.get_arguments().find(|flag| flag.get_long() == Some(long)).unwrap();
            (values(flag).map(|values| values.print("", "")), is_file(flag))
        };
        assert_eq!(of("dry-run"), (Some("none\nclient\nserver\n:4\n".to_owned()), false));
        assert_eq!(of("insecure-skip-tls-verify").0.unwrap(), "true\nfalse\n:4\n");
        assert_eq!(of("kubeconfig"), (None, true));
        assert_eq!(of("certificate-authority"), (None, true));
        assert_eq!(of("namespace"), (None, false));
    }
}
