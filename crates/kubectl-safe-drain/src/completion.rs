//! What TAB offers: nodes with their status, and findings for `--allow`. Reads only.

use plugin_client::api::server_table::{self, Row};
use plugin_client::cli::findings;
use plugin_client::{Candidate, Candidates, Completing, Completion, Failure};

use crate::args::{Args, node_name};
use crate::checks;

/// Its table of findings says what each id means.
const PAGE: &str = include_str!("../../../docs/safe-drain.md");

impl Completion for Args {
    async fn complete(at: &Completing<'_>) -> Result<Candidates, Failure> {
        match at.flag() {
            Some("allow") => Ok(findings::candidates(checks::ids(), PAGE)),
            // Instead of names.
            None if !at.has(&["selector"]) => {
                let rows = server_table::rows(&at.cluster().await?, "/api/v1/nodes").await?;
                Ok(nodes(&rows, at.words(), at.typed()))
            }
            _ => Ok(Candidates::default()),
        }
    }
}

/// Those not named yet, as NAME or in the form that was begun.
fn nodes(rows: &[Row], words: &[String], typed: &str) -> Candidates {
    let form = typed.split_once('/').map(|(form, _)| format!("{form}/")).unwrap_or_default();
    let named: Vec<&str> = words.iter().filter_map(|word| node_name(word)).collect();
    let left = rows.iter().filter(|row| !named.contains(&row.name()));
    left.map(|row| Candidate::new(format!("{form}{}", row.name()), row.cells(&["Status", "Age", "Version"])))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_offered_in_the_form_that_was_begun_and_once() {
        let row = |name: &str| {
            Row::of(&[
                ("Name", name),
                ("Status", "Ready,SchedulingDisabled"),
                ("Age", "5d"),
                ("Version", "v1.37.2"),
            ])
        };
        let offered = |words: &[&str], typed: &str| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            nodes(&[row("a"), row("b"), row("c")], &words, typed)
        };
        let candidates = |names: &[&str]| -> Candidates {
            names.iter().map(|name| Candidate::new(*name, "Ready,SchedulingDisabled, 5d, v1.37.2")).collect()
        };
        assert_eq!(offered(&[], ""), candidates(&["a", "b", "c"]));
        assert_eq!(offered(&["node/a", "b"], ""), candidates(&["c"]));
        assert_eq!(offered(&["a"], "no/"), candidates(&["no/b", "no/c"]));
    }
}
