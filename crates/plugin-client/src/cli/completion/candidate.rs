//! What is offered for the word that is being completed, and how it is printed for a shell. Pure.

use std::fmt::Write;

use cluster_model::text::{is_hostile, shorten};

/// Longer descriptions would wrap in a list of candidates.
const LONGEST_DESCRIPTION: usize = 80;

/// cobra's `ShellCompDirective`, which ends the output (spf13/cobra, completions.go).
const NO_FILES: u8 = 4;
const KEEP_ORDER: u8 = 32;

/// Nothing, and no file names either.
pub(super) const NOTHING: &str = ":4\n";
/// The shell completes file names.
pub(super) const FILES: &str = ":0\n";

/// A word to complete to, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub value: String,
    pub description: String,
}

impl Candidate {
    pub fn new(value: impl Into<String>, description: impl Into<String>) -> Self {
        Candidate { value: value.into(), description: description.into() }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    all: Vec<Candidate>,
    /// The shell must not sort them.
    keep_order: bool,
}

impl Candidates {
    pub fn in_order(all: Vec<Candidate>) -> Self {
        Candidates { all, keep_order: true }
    }

    /// Those that the command line does not have yet.
    pub(super) fn without(mut self, given: &[&str]) -> Self {
        self.all.retain(|candidate| !given.contains(&candidate.value.as_str()));
        self
    }

    /// Those that begin with `typed`, each after `kept`, which the shell compares as a part of the same word.
    pub(super) fn print(&self, kept: &str, typed: &str) -> String {
        let mut out = String::new();
        for Candidate { value, description } in &self.all {
            if !value.starts_with(typed) || !can_be_typed(value) {
                continue;
            }
            out.extend([kept, value]);
            if !description.is_empty() {
                out.extend(["\t", &shorten(description.trim(), LONGEST_DESCRIPTION)]);
            }
            out.push('\n');
        }
        let directive = NO_FILES | if self.keep_order { KEEP_ORDER } else { 0 };
        // Writing to a String cannot fail.
        let _ = writeln!(out, ":{directive}");
        out
    }
}

impl FromIterator<Candidate> for Candidates {
    fn from_iter<I: IntoIterator<Item = Candidate>>(all: I) -> Self {
        Candidates { all: all.into_iter().collect(), keep_order: false }
    }
}

/// Shells insert a candidate into the command line as it is: one that a shell would expand, split or run is left out. The image of a
/// pod template may be any text (pkg/apis/core/validation/validation.go, `validateContainerCommon`).
fn can_be_typed(value: &str) -> bool {
    let harmless = |c: char| match c {
        '-' | '.' | '_' | '/' | ':' | '@' | '=' | '+' | ',' | '%' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => c.is_alphanumeric() && !is_hostile(c),
    };
    // A colon begins a directive, and zsh takes `=ls` for the path of ls.
    !value.is_empty() && !value.starts_with([':', '=']) && value.chars().all(harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(values: &[(&str, &str)]) -> Candidates {
        values.iter().map(|(value, description)| Candidate::new(*value, *description)).collect()
    }

    #[test]
    fn a_candidate_is_one_line_and_the_directive_is_the_last() {
        let all = candidates(&[("node-1", "Ready, 5d"), ("node-2", ""), ("other", "x")]);
        assert_eq!(all.print("", ""), "node-1\tReady, 5d\nnode-2\nother\tx\n:4\n");
        assert_eq!(all.print("a,", "node"), "a,node-1\tReady, 5d\na,node-2\n:4\n");
        assert_eq!(Candidates::in_order(vec![Candidate::new("2", "")]).print("", ""), "2\n:36\n");
        assert_eq!(Candidates::default().print("", ""), NOTHING);
    }

    #[test]
    fn text_from_a_cluster_is_no_terminal_sequence_and_no_further_line() {
        let all = candidates(&[("a", "x\ty\nb\u{1b}[31m\r:0"), ("b", &"long ".repeat(40))]);
        let printed = all.print("", "");
        let lines: Vec<&str> = printed.lines().collect();
        assert_eq!(lines[0], "a\tx\\ty\\nb\\u{1b}[31m\\r:0");
        assert_eq!(lines[1].chars().count(), "b\t".len() + LONGEST_DESCRIPTION);
        assert_eq!((lines[2], lines.len()), (":4", 3));
    }

    #[test]
    fn what_a_shell_would_run_is_never_offered() {
        for value in [
            "$(reboot)",
            "`reboot`",
            "a;reboot",
            "a b",
            "a\nb",
            "a\u{1b}[2J",
            "x|y",
            "a'b",
            "a\"b",
            "~root",
            "a*",
            "!1",
            "a&b",
            "a\\b",
            ":0",
            "=ls",
            "",
            "a\u{202e}b",
        ] {
            assert_eq!(candidates(&[(value, "d")]).print("", ""), NOTHING, "{value:?}");
        }
        for value in ["arn:aws:eks:eu-1:1:cluster/x", "web=shop:1.4@sha256:ab", "user@host", "süd"] {
            assert_eq!(candidates(&[(value, "")]).print("", ""), format!("{value}\n:4\n"));
        }
    }
}
