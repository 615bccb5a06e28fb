//! What to do about a finding, below it.

use plugin_client::Line;

use crate::checks;
use crate::finding::Finding;

/// Of what belongs to a finding, and below it.
pub const INDENT: usize = 12;

/// A command that a check made for what it found is left in one piece, to be copied. The text of the catalogue has none: its names are
/// placeholders.
pub fn remedy(finding: &Finding) -> Line {
    let line = Line::from(" ".repeat(INDENT));
    let text = finding.remedy.as_str();
    let is_of_catalogue = checks::find(finding.id).is_some_and(|check| check.remedy == text);
    let command = match text.starts_with("kubectl ") {
        true => Some(0),
        false => text.find(": kubectl ").map(|at| at + 2),
    };
    let line = match command.filter(|_| !is_of_catalogue) {
        Some(at) => line.plain(&text[..at]).command(&text[at..]),
        None => line.plain(text),
    };
    line.hanging(INDENT)
}
