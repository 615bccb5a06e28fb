//! The result for people: for each namespace the matrix and the findings, then what could not be checked, and what to type next.

mod exempt;
mod explain;
pub mod findings;
mod fix;
mod matrix;
mod names;
mod once;
mod reasons;
mod remedy;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::text::count;
use plugin_client::Line;

pub use explain::{explain, list};
#[cfg(test)]
pub use remedy::parts;

use names::{room, table_of_names};
use once::once;

use crate::finding::{Finding, Severity, Subject, Unchecked};
use crate::matrix::{Cell, Evidence, Matrix};
use crate::report::{HealReport, Row};
use crate::snapshot::Read;

/// What else is shown, and how.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub wide: bool,
    /// What was left out, and why.
    pub ignored: bool,
    /// What the marks mean, and what to type next.
    pub notes: bool,
    /// `--fix` was not given, and may offer something.
    pub may_fix: bool,
    /// The command line of this run, as in ` deploy/web -n shop`.
    pub again: &'a str,
    /// Of the terminal, if there is one.
    pub width: Option<usize>,
}

/// `namespace`: the one that was checked, if it was one.
pub fn report(
    report: &HealReport,
    shown: Shown<'_>,
    namespace: Option<&str>,
    fail_on: Severity,
) -> Vec<Line> {
    let findings = once(&report.findings);
    let of_rows = report.workloads.iter().map(|row| row.subject.namespace.as_str());
    // What is wrong with the control plane is wrong for all.
    let is_of_cluster = |finding: &Finding| {
        let Subject { kind, namespace, .. } = &finding.subject;
        // In a file that no server wrote a workload may have no namespace.
        kind == "Lease" || namespace.is_empty() && Read::of_kind(kind).is_none_or(Read::is_cluster_wide)
    };
    let own = findings.iter().copied().filter(|it| !is_of_cluster(it));
    let namespaces: BTreeSet<&str> =
        of_rows.chain(own.map(|it| it.subject.namespace.as_str())).chain(namespace).collect();
    let mut lines = Vec::new();
    for name in namespaces {
        let rows: Vec<&Row> = report.workloads.iter().filter(|row| row.subject.namespace == name).collect();
        let found: Vec<&Finding> = findings
            .iter()
            .copied()
            .filter(|it| !is_of_cluster(it) && it.subject.namespace == name)
            .collect();
        // Not a word of what was not there to check: it would read as good.
        let checked = report.scope.workloads.iter().map(|it| &it.subject).filter(|it| it.namespace == name);
        let checked: Vec<&Subject> = checked.collect();
        if !(checked.is_empty() && rows.is_empty() && found.is_empty()) {
            let head = head(&rows, &rowless(&checked, &rows), &found, report.unchecked.is_empty());
            lines.extend(block(name, &rows, &head, &found, shown));
            lines.push(Line::new());
        }
    }
    let of_cluster: Vec<&Finding> = findings.iter().copied().filter(|it| is_of_cluster(it)).collect();
    if !of_cluster.is_empty() {
        lines.push(Line::new().strong("cluster").plain("  ").plain(counts(&of_cluster)));
        lines.extend(findings::lines(&of_cluster, shown.wide, shown.width));
        lines.push(Line::new());
    }
    if !report.unchecked.is_empty() {
        lines.extend(unchecked(&report.unchecked));
        lines.push(Line::new());
    }
    let exempt = exempt::lines(&report.exempt, shown.ignored);
    if !exempt.is_empty() {
        lines.extend(exempt);
        lines.push(Line::new());
    }
    if shown.notes {
        lines.extend(notes(report, shown));
    }
    lines.push(verdict::line(report, fail_on));
    lines
}

/// The matrix of the workloads for which something was proven in this run; empty if there is none. `notes`: what its marks mean.
pub fn proven(report: &HealReport, width: Option<usize>, notes: bool) -> Vec<Line> {
    let is_proven = |row: &&Row| evidence(row).any(|it| it == Evidence::Proven);
    let rows: Vec<&Row> = report.workloads.iter().filter(is_proven).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let mut lines = matrix_of(&rows, width);
    lines.extend(notes.then(|| Line::new().dim(legend(&rows)).hanging(2)));
    lines
}

fn matrix_of(rows: &[&Row], width: Option<usize>) -> Vec<Line> {
    let table = matrix::rows(rows);
    table_of_names(&table, room(&table, width))
}

/// Jobs, CronJobs and others that were checked and have no row of the matrix: how many, by kind.
fn rowless(checked: &[&Subject], rows: &[&Row]) -> Vec<String> {
    let with_row: BTreeSet<&Subject> = rows.iter().map(|row| &row.subject).collect();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for subject in checked.iter().filter(|it| !with_row.contains(*it)) {
        *kinds.entry(&subject.kind).or_default() += 1;
    }
    kinds.into_iter().map(|(kind, number)| count(number, kind)).collect()
}

/// `head`: what was checked, but for the findings.
fn block(name: &str, rows: &[&Row], head: &str, found: &[&Finding], shown: Shown<'_>) -> Vec<Line> {
    let name = if name.is_empty() { "(no namespace)" } else { name };
    let mut lines = vec![Line::new().strong(name).plain("  ").plain(head).hanging(2)];
    let reasons: Vec<Vec<Line>> = rows.iter().flat_map(|row| matrix::reasons(row, shown.wide)).collect();
    let parts = [
        matrix_of(rows, shown.width),
        reasons::lines(&reasons, shown.width),
        findings::lines(found, shown.wide, shown.width),
    ];
    for part in parts {
        if !part.is_empty() {
            lines.push(Line::new());
            lines.extend(part);
        }
    }
    lines
}

/// `2 workloads, 5 pods, 1 CronJob: 1 error`
fn head(rows: &[&Row], rowless: &[String], found: &[&Finding], is_complete: bool) -> String {
    // Not as none, if they could not be read.
    let pods: Option<usize> = rows.iter().map(|row| row.pods).sum();
    let pods = pods.map_or("pods unknown".to_owned(), |all| count(all, "pod"));
    let parts = rows.iter().filter(|row| row.is_part).count();
    let parts_of = format!("{} whose owner could not be read", count(parts, "ReplicaSet"));
    let mut checked = match (rows.len() - parts, parts) {
        (0, 0) => Vec::new(),
        (n, 0) => vec![count(n, "workload"), pods],
        (0, _) => vec![parts_of, pods],
        (n, _) => vec![count(n, "workload"), parts_of, pods],
    };
    checked.extend(rowless.iter().cloned());
    if checked.is_empty() {
        // What belongs to no workload.
        checked.push("no workload".to_owned());
    }
    let of_rest = if found.is_empty() && !is_complete { " in what could be checked" } else { "" };
    format!("{}: {}{of_rest}", checked.join(", "), counts(found))
}

/// `1 error, 2 warnings`, worst first.
fn counts(findings: &[&Finding]) -> String {
    let all = [Severity::Critical, Severity::Error, Severity::Warning, Severity::Info];
    let of = |severity: Severity| findings.iter().filter(|it| it.severity == severity).count();
    let shown = all.into_iter().filter(|it| of(*it) > 0).map(|severity| match severity {
        Severity::Critical | Severity::Info => format!("{} {}", of(severity), severity.word()),
        Severity::Error | Severity::Warning => count(of(severity), severity.word()),
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() { "no findings".to_owned() } else { shown.join(", ") }
}

/// Checks that lack the same share a line.
fn unchecked(all: &[Unchecked]) -> Vec<Line> {
    let mut lines = vec![Line::new().warn("not checked")];
    for (reason, ids) in Unchecked::by_reason(all) {
        lines.push(Line::new().plain("  ").plain(ids.join(", ")).hanging(4));
        lines.push(Line::new().plain("            ").plain(reason).hanging(12));
    }
    lines
}

fn evidence(row: &Row) -> impl Iterator<Item = Evidence> {
    row.matrix.iter().flat_map(Matrix::cells).map(|(_, cell)| cell.evidence)
}

/// What the marks in these rows mean.
fn legend(rows: &[&Row]) -> String {
    let all = || rows.iter().flat_map(|row| row.matrix.iter().flat_map(Matrix::cells));
    // Nothing was drained: a dry run of the server stands for it (`--ask-server`).
    let is_accepted = |(name, cell): (&str, &Cell)| name == "drain" && cell.promises();
    let observed = || all().filter(|(_, cell)| cell.evidence == Evidence::Observed);
    let marks = [
        (all().any(|(_, cell)| cell.evidence == Evidence::Proven), "✓ was proven just now"),
        (observed().any(|it| !is_accepted(it)), "* was observed"),
        (observed().any(is_accepted), "* at drain: the server's answer to a dry run of the eviction"),
    ];
    let marks: Vec<&str> =
        marks.into_iter().filter(|(is_there, _)| *is_there).map(|(_, text)| text).collect();
    let marks = if marks.is_empty() {
        "all of it is".to_owned()
    } else {
        format!("{}, the rest is", marks.join(", "))
    };
    let outage = if all().any(|(_, cell)| cell.outage == Some(true)) {
        "; outage: it heals, and until then no pod of it is ready"
    } else {
        ""
    };
    format!(
        "{marks} predicted from the objects; times are until as many pods are ready as before; - is nothing to heal{outage}"
    )
}

fn notes(report: &HealReport, shown: Shown<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    let rows: Vec<&Row> = report.workloads.iter().filter(|row| row.matrix.is_some()).collect();
    if !rows.is_empty() {
        lines.push(Line::new().dim(legend(&rows)).hanging(2));
    }
    match report.findings.first() {
        // It asks no cluster: flags of the cluster would only be in the way.
        Some(finding) => lines.push(
            Line::new()
                .plain("what it means: ")
                .strong(format!("kubectl heal-check --explain {}", finding.id)),
        ),
        None if !shown.wide && !rows.is_empty() => {
            let command = format!("kubectl heal-check{} -o wide", shown.again);
            lines.push(Line::new().plain("every reason: ").command(command).hanging(2));
        }
        None => {}
    }
    if shown.may_fix {
        let command = format!("kubectl heal-check{} --fix", shown.again);
        lines.push(Line::new().plain("what to change: ").command(command).hanging(2));
    }
    lines
}
