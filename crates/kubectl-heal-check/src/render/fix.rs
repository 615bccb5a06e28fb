//! What is offered for a finding: what of it is proven, then the commands or what to write into files; or why nothing is.

use std::path::Path;

use plugin_client::dump::STDIN;
use plugin_client::{Line, to_json, to_yaml};

use super::remedy::{INDENT, remedy};
use crate::finding::{Change, Finding, Fix, Offer};

/// Below its finding. The remedy in words is left out where a fix is proven: that says it.
pub fn lines(finding: &Finding) -> Vec<Line> {
    match &finding.offer {
        None => vec![remedy(finding)],
        Some(Offer::Nothing(why)) => {
            vec![remedy(finding), line().dim("no fix: ").dim(why).hanging(INDENT)]
        }
        Some(Offer::Fix(fix)) => {
            let mut lines = title(finding, fix);
            lines.extend(fix.commands.iter().map(|it| line().command(it)));
            if fix.is_for_files() {
                lines.extend(fix.changes().flat_map(edit));
            }
            lines
        }
    }
}

fn line() -> Line {
    Line::from(" ".repeat(INDENT))
}

fn title(finding: &Finding, fix: &Fix) -> Vec<Line> {
    let proven = proven(finding, fix);
    match &fix.partial {
        None => {
            let note = if fix.is_for_files() { " (no nodes)" } else { "" };
            vec![line().good("fix, proven: ").plain(proven).plain(note).hanging(INDENT)]
        }
        Some(why) => {
            let proven = if proven.is_empty() { "nothing" } else { &proven };
            vec![
                remedy(finding),
                line().warn("partial fix, not proven: ").plain(why).hanging(INDENT),
                line().warn("proven of it: ").plain(proven).hanging(INDENT),
            ]
        }
    }
}

/// What was checked is in `crate::fix`.
fn proven(finding: &Finding, fix: &Fix) -> String {
    let proof = &fix.proof;
    let parts = [
        (proof.accepted, if fix.is_by_server { "server accepts it" } else { "schema accepts it" }.to_owned()),
        // In manifests there are no nodes.
        (proof.fits && !fix.is_for_files(), "pods fit".to_owned()),
        (proof.resolved, format!("{} gone", finding.id)),
        (proof.no_worse, "nothing worse".to_owned()),
    ];
    parts.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what).collect::<Vec<_>>().join(", ")
}

/// Where it is made, and what is to be there.
fn edit(change: &Change) -> Vec<Line> {
    let place = change.location.as_ref();
    let is_json = place.is_some_and(|it| Path::new(&it.file).extension().is_some_and(|it| it == "json"));
    let head = match (change.creates, place) {
        (false, Some(place)) => {
            line().plain("merge into ").strong(change.target.to_string()).plain(format!(" ({place}):"))
        }
        (false, None) => line().plain("merge into ").strong(change.target.to_string()).plain(":"),
        (true, Some(place)) if is_json || place.file == STDIN => line().plain("add, in a file of its own:"),
        (true, Some(place)) => line()
            .plain("add to ")
            .strong(&place.file)
            .plain(" as a document of its own (---), or to a file beside it:"),
        (true, None) => line().plain("add:"),
    };
    let text = if is_json { to_json(&change.patch) } else { to_yaml(&change.patch) };
    let body = text.lines().map(|row| line().plain("  ").command(row));
    std::iter::once(head.hanging(INDENT)).chain(body).collect()
}
