//! The result for people: for each namespace the matrix and the findings, then what could not be checked, and what to type next.

mod exempt;
mod explain;
mod findings;
mod fix;
mod matrix;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use cluster_model::text::count;
use plugin_client::{Line, table};

pub use explain::explain;

use crate::finding::{Finding, Severity, Unchecked};
use crate::matrix::{Evidence, Matrix};
use crate::report::{HealReport, Row};

/// What else is shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    pub wide: bool,
    /// What was left out, and why.
    pub ignored: bool,
}

/// `namespace`: the one that was checked, if it was one.
pub fn report(report: &HealReport, shown: Shown, namespace: Option<&str>, fail_on: Severity) -> Vec<Line> {
    let wide = shown.wide;
    let of_rows = report.workloads.iter().map(|row| row.subject.namespace.as_str());
    // What is wrong with the control plane is wrong for all.
    let is_of_cluster =
        |finding: &Finding| finding.subject.kind == "Lease" || finding.subject.namespace.is_empty();
    let own = report.findings.iter().filter(|it| !is_of_cluster(it));
    let namespaces: BTreeSet<&str> =
        of_rows.chain(own.map(|it| it.subject.namespace.as_str())).chain(namespace).collect();
    let mut lines = Vec::new();
    for name in namespaces {
        let rows: Vec<&Row> = report.workloads.iter().filter(|row| row.subject.namespace == name).collect();
        let found: Vec<&Finding> =
            report.findings.iter().filter(|it| !is_of_cluster(it) && it.subject.namespace == name).collect();
        // Not a word of what was not there to check: it would read as good.
        if !(rows.is_empty() && found.is_empty()) {
            lines.extend(block(name, &rows, &found, wide));
            lines.push(Line::new());
        }
    }
    let of_cluster: Vec<&Finding> = report.findings.iter().filter(|it| is_of_cluster(it)).collect();
    if !of_cluster.is_empty() {
        lines.push(Line::new().strong("cluster").plain("  ").plain(counts(&of_cluster)));
        lines.extend(findings::lines(&of_cluster, wide));
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
    lines.extend(end(report, wide, fail_on));
    lines
}

fn block(name: &str, rows: &[&Row], found: &[&Finding], wide: bool) -> Vec<Line> {
    // Not as none, if they could not be read.
    let pods: Option<usize> = rows.iter().map(|row| row.pods).sum();
    let pods = pods.map_or("pods unknown".to_owned(), |all| count(all, "pod"));
    let mut lines = vec![Line::new().strong(name).plain("  ").plain(format!(
        "{}, {}: {}",
        count(rows.len(), "workload"),
        pods,
        counts(found)
    ))];
    let reasons: Vec<Vec<Line>> = rows.iter().flat_map(|row| matrix::reasons(row, wide)).collect();
    for part in [table(&matrix::rows(rows)), table(&reasons), findings::lines(found, wide)] {
        if !part.is_empty() {
            lines.push(Line::new());
            lines.extend(part);
        }
    }
    lines
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
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for Unchecked { id, reason } in all {
        match by_reason.iter_mut().find(|(known, _)| known == reason) {
            Some((_, ids)) => ids.push(id),
            None => by_reason.push((reason, vec![id])),
        }
    }
    let mut lines = vec![Line::new().warn("not checked")];
    for (reason, ids) in by_reason {
        lines.push(Line::new().plain("  ").plain(ids.join(", ")));
        lines.push(Line::new().plain("            ").plain(reason).hanging(12));
    }
    lines
}

fn end(report: &HealReport, wide: bool, fail_on: Severity) -> Vec<Line> {
    let mut lines = Vec::new();
    let is_observed = |row: &Row| {
        row.matrix.iter().flat_map(Matrix::cells).any(|(_, cell)| cell.evidence == Evidence::Observed)
    };
    let has_matrix = report.workloads.iter().any(|row| row.matrix.is_some());
    if has_matrix {
        let legend = "times are until as many pods are ready as before; - is nothing to heal";
        let observed = if report.workloads.iter().any(is_observed) {
            "* was observed, the rest is"
        } else {
            "all of it is"
        };
        lines.push(Line::new().dim(format!("{observed} predicted from the objects; {legend}")));
    }
    let worst = report.findings.first();
    let next = match worst {
        Some(finding) => Some(("what it means: ", format!("kubectl heal-check --explain {}", finding.id))),
        None if !wide && has_matrix => Some(("every reason: ", "kubectl heal-check -o wide".to_owned())),
        None => None,
    };
    lines.extend(next.map(|(what, command)| Line::new().plain(what).command(command)));
    if worst.is_some_and(|it| it.severity < fail_on) && report.unchecked.is_empty() {
        lines.push(Line::new().good(format!("nothing as bad as {}", fail_on.word())));
    }
    lines
}
