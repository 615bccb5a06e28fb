//! What to do about a finding, below it.

use plugin_client::Line;

use crate::checks;
use crate::finding::Finding;

/// Of what belongs to a finding, and below it.
pub const INDENT: usize = 12;

pub fn remedy(finding: &Finding) -> Line {
    let (words, command) = parts(finding);
    let line = Line::from(" ".repeat(INDENT)).plain(words);
    let line = if command.is_empty() { line } else { line.command(command) };
    line.hanging(INDENT)
}

/// The words, and the command at their end that is left in one piece, to be copied. The text of the catalogue has none: its names are
/// placeholders.
pub fn parts(finding: &Finding) -> (&str, &str) {
    let text = finding.remedy.as_str();
    let is_of_catalogue = checks::find(finding.id).is_some_and(|check| check.remedy == text);
    let command = match text.starts_with("kubectl ") {
        true => Some(0),
        false => text.find(": kubectl ").map(|at| at + 2),
    };
    text.split_at(command.filter(|_| !is_of_catalogue).unwrap_or(text.len()))
}
