//! What is different between two reports. Pure.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use plugin_client::{Line, Role};

use crate::finding::{Finding, Severity, Subject, Unchecked};
use crate::matrix::{Cell, OUTAGE, Verdict};
use crate::report::HealReport;

/// Of the matrix.
const CELLS: usize = 5;

/// Times and reasons change with every look: only findings, verdicts, and what could not be checked count.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    new: Vec<Finding>,
    gone: Vec<Finding>,
    cells: Vec<CellChange>,
    no_longer_checked: Vec<Unchecked>,
    checked_again: Vec<Unchecked>,
}

#[derive(Debug, PartialEq)]
struct CellChange {
    subject: Subject,
    column: &'static str,
    /// In a word; `None`: the workload was not there.
    before: Option<&'static str>,
    /// `None`: it is not there any more.
    after: Option<After>,
}

#[derive(Clone, Debug, PartialEq)]
struct After {
    verdict: Verdict,
    word: &'static str,
    reason: String,
}

impl Changes {
    pub fn between(before: &HealReport, after: &HealReport) -> Self {
        let known = |of: &[Finding], it: &Finding| of.iter().any(|other| key(other) == key(it));
        let fresh =
            |of: &[Finding], than: &[Finding]| of.iter().filter(|it| !known(than, it)).cloned().collect();
        let less = |of: &[Unchecked], than: &[Unchecked]| {
            of.iter().filter(|it| !than.iter().any(|other| other.id == it.id)).cloned().collect()
        };
        Changes {
            new: fresh(&after.findings, &before.findings),
            gone: fresh(&before.findings, &after.findings),
            cells: cells(before, after),
            no_longer_checked: less(&after.unchecked, &before.unchecked),
            checked_again: less(&before.unchecked, &after.unchecked),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }

    /// One line for each, with the time in UTC. `with_namespace`: several are watched.
    pub fn lines(&self, at: Timestamp, with_namespace: bool) -> Vec<Line> {
        let line = |word: &str, role: Role, rest: String| {
            let time = at.strftime("%H:%M:%S").to_string();
            Line::new().dim(time).plain("  ").span(role, format!("{word:<9}")).plain(" ").plain(rest)
        };
        let name = |subject: &Subject| match with_namespace && !subject.namespace.is_empty() {
            true => format!("{subject} -n {}", subject.namespace),
            false => subject.to_string(),
        };
        let new = self.new.iter().map(|it| {
            let role = if it.severity >= Severity::Error { Role::Bad } else { Role::Warn };
            line(
                "new",
                role,
                format!("{} {} {} {}", it.severity.word(), it.id, name(&it.subject), it.message),
            )
        });
        let gone = self.gone.iter().map(|it| {
            line("gone", Role::Good, format!("{} {} {}", it.severity.word(), it.id, name(&it.subject)))
        });
        let cells = by_change(&self.cells).into_iter().map(|of_one| {
            let Moved { subject, before, after } = Moved::of(of_one[0]);
            let role = match after {
                None => Role::Dim,
                Some(OUTAGE) => Role::Warn,
                Some(word) if [Verdict::Wont, Verdict::Unknown].iter().any(|it| it.word() == word) => {
                    Role::Bad
                }
                Some(_) => Role::Good,
            };
            let which = columns(&of_one);
            let after = after.unwrap_or("no longer there");
            let before = before.map_or(String::new(), |it| format!(": was {it},"));
            line("cells", role, format!("{}{which}{before} is {after}{}", name(subject), reasons(&of_one)))
        });
        let unchecked = self
            .no_longer_checked
            .iter()
            .map(|it| line("unchecked", Role::Warn, format!("{} {}", it.id, it.reason)));
        let again = self.checked_again.iter().map(|it| line("checked", Role::Good, it.id.clone()));
        new.chain(gone).chain(cells).chain(unchecked).chain(again).collect()
    }
}

/// What cells of one line have in common.
#[derive(PartialEq)]
struct Moved<'c> {
    subject: &'c Subject,
    /// `None`: the whole workload is gone, and what it was does not matter.
    before: Option<&'static str>,
    after: Option<&'static str>,
}

impl<'c> Moved<'c> {
    fn of(change: &'c CellChange) -> Self {
        let after = change.after.as_ref().map(|it| it.word);
        let before = change.before.unwrap_or("not there");
        Moved { subject: &change.subject, before: after.map(|_| before), after }
    }
}

fn by_change(changes: &[CellChange]) -> Vec<Vec<&CellChange>> {
    let mut groups: Vec<Vec<&CellChange>> = Vec::new();
    for change in changes {
        match groups.iter_mut().find(|group| Moved::of(group[0]) == Moved::of(change)) {
            Some(group) => group.push(change),
            None => groups.push(vec![change]),
        }
    }
    groups
}

/// Which cells, unless it is all of them.
fn columns(of_one: &[&CellChange]) -> String {
    let names: Vec<&str> = of_one.iter().map(|it| it.column).collect();
    if names.len() == CELLS { String::new() } else { format!(" {}", names.join(", ")) }
}

/// Why they do not heal: once if it is the same for all.
fn reasons(of_one: &[&CellChange]) -> String {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for change in of_one {
        let heals_not = |it: &&After| matches!(it.verdict, Verdict::Wont | Verdict::Unknown);
        let Some(after) = change.after.as_ref().filter(heals_not) else { continue };
        match by_reason.iter_mut().find(|(known, _)| *known == after.reason) {
            Some((_, columns)) => columns.push(change.column),
            None => by_reason.push((&after.reason, vec![change.column])),
        }
    }
    match by_reason.as_slice() {
        [] => String::new(),
        [(why, _)] => format!(": {why}"),
        several => {
            let each = several.iter().map(|(why, columns)| format!("{}: {why}", columns.join(", ")));
            format!(" ({})", each.collect::<Vec<_>>().join("; "))
        }
    }
}

fn key(finding: &Finding) -> (&'static str, Severity, &Subject) {
    (finding.id, finding.severity, &finding.subject)
}

fn cells(before: &HealReport, after: &HealReport) -> Vec<CellChange> {
    let (before, after) = (by_cell(before), by_cell(after));
    let mut changes = Vec::new();
    for (at @ (subject, _, column), cell) in &after {
        let was = before.get(at).map(|it| it.word());
        if was != Some(cell.word()) {
            let after = Some(After { verdict: cell.verdict, word: cell.word(), reason: cell.reason.clone() });
            changes.push(CellChange { subject: (*subject).clone(), column, before: was, after });
        }
    }
    for (at @ (subject, _, column), cell) in &before {
        if !after.contains_key(at) {
            changes.push(CellChange {
                subject: (*subject).clone(),
                column,
                before: Some(cell.word()),
                after: None,
            });
        }
    }
    changes
}

/// In the order of the columns.
fn by_cell(report: &HealReport) -> BTreeMap<(&Subject, usize, &'static str), &Cell> {
    let rows = report.workloads.iter().filter_map(|row| Some((row, row.matrix.as_ref()?)));
    let cells = rows.flat_map(|(row, matrix)| {
        let cells = matrix.cells().into_iter().enumerate();
        cells.map(|(at, (column, cell))| ((&row.subject, at, column), cell))
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::testing::report;

    #[test]
    fn reasons_that_differ_are_those_of_their_cells() {
        let change = |column: &'static str, why: &str| CellChange {
            subject: Subject::new("Deployment", "shop", "web"),
            column,
            before: Some("heals"),
            after: Some(After { verdict: Verdict::Wont, word: "won't", reason: why.to_owned() }),
        };
        let shown = |cells: Vec<CellChange>| -> Vec<String> {
            let lines =
                Changes { cells, ..Changes::default() }.lines("2026-01-02T00:00:00Z".parse().unwrap(), false);
            lines.iter().map(Line::text).collect()
        };
        assert_eq!(
            shown(vec![change("drain", "x")]),
            ["00:00:00  cells     deployment/web drain: was heals, is won't: x"]
        );
        assert_eq!(
            shown(vec![change("pod loss", "x"), change("node loss", "x"), change("drain", "y")]),
            [
                "00:00:00  cells     deployment/web pod loss, node loss, drain: was heals, is won't (pod loss, node loss: x; drain: y)"
            ]
        );
    }

    /// It still heals, and nothing of it serves until then.
    #[test]
    fn an_outage_that_comes_or_goes_is_a_change() {
        let served = report();
        let mut alone = report();
        for row in &mut alone.workloads {
            let matrix = row.matrix.as_mut().unwrap();
            matrix.pod_loss = matrix.pod_loss.clone().while_serve(0);
        }
        let shown = |before: &HealReport, after: &HealReport| -> Vec<String> {
            let lines = Changes::between(before, after).lines("2026-01-02T00:00:00Z".parse().unwrap(), false);
            lines.iter().map(Line::text).collect()
        };
        assert_eq!(
            shown(&served, &alone),
            ["00:00:00  cells     deployment/web pod loss: was heals, is outage"]
        );
        assert_eq!(
            shown(&alone, &served),
            ["00:00:00  cells     deployment/web pod loss: was outage, is heals"]
        );
    }
}
