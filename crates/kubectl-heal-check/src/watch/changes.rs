//! What is different between two reports. Pure.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use plugin_client::{Line, Role};

use crate::finding::{Finding, Severity, Subject, Unchecked};
use crate::matrix::{Cell, Verdict};
use crate::report::HealReport;

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
    /// `None`: the workload was not there.
    before: Option<Verdict>,
    /// `None`: it is not there any more.
    after: Option<(Verdict, String)>,
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
        let cells = self.cells.iter().map(|it| {
            let (role, after) = match &it.after {
                None => (Role::Dim, "no longer there".to_owned()),
                Some((verdict, why)) if matches!(verdict, Verdict::Wont | Verdict::Unknown) => {
                    (Role::Bad, format!("{}: {why}", verdict.word()))
                }
                Some((verdict, _)) => (Role::Good, verdict.word().to_owned()),
            };
            let before = it.before.map_or("not there", Verdict::word);
            line(it.column, role, format!("{} was {before}, is {after}", name(&it.subject)))
        });
        let unchecked = self
            .no_longer_checked
            .iter()
            .map(|it| line("unchecked", Role::Warn, format!("{} {}", it.id, it.reason)));
        let again = self.checked_again.iter().map(|it| line("checked", Role::Good, it.id.clone()));
        new.chain(gone).chain(cells).chain(unchecked).chain(again).collect()
    }
}

fn key(finding: &Finding) -> (&'static str, Severity, &Subject) {
    (finding.id, finding.severity, &finding.subject)
}

fn cells(before: &HealReport, after: &HealReport) -> Vec<CellChange> {
    let (before, after) = (by_cell(before), by_cell(after));
    let mut changes = Vec::new();
    for (at @ (subject, column), cell) in &after {
        let was = before.get(at).map(|it| it.verdict);
        if was != Some(cell.verdict) {
            let after = Some((cell.verdict, cell.reason.clone()));
            changes.push(CellChange { subject: (*subject).clone(), column, before: was, after });
        }
    }
    for (at @ (subject, column), cell) in &before {
        if !after.contains_key(at) {
            changes.push(CellChange {
                subject: (*subject).clone(),
                column,
                before: Some(cell.verdict),
                after: None,
            });
        }
    }
    changes
}

fn by_cell(report: &HealReport) -> BTreeMap<(&Subject, &'static str), &Cell> {
    let rows = report.workloads.iter().filter_map(|row| Some((row, row.matrix.as_ref()?)));
    rows.flat_map(|(row, matrix)| matrix.cells().map(|(column, cell)| ((&row.subject, column), cell)))
        .collect()
}
