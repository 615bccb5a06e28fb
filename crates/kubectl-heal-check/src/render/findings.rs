//! Findings, worst first, one line each with the remedy beneath.

use plugin_client::{Line, Role, table};

use super::fix;
use crate::finding::{Finding, Severity};

/// More of one check are counted; `-o wide` lists them all.
const OF_ONE_CHECK: usize = 4;

pub fn lines(findings: &[&Finding], wide: bool) -> Vec<Line> {
    let groups: Vec<&[&Finding]> =
        findings.chunk_by(|a, b| (a.id, a.severity, &a.remedy) == (b.id, b.severity, &b.remedy)).collect();
    let listed = |group: &[&Finding]| if wide { group.len() } else { group.len().min(OF_ONE_CHECK) };
    let rows: Vec<Vec<Line>> =
        groups.iter().flat_map(|group| group[..listed(group)].iter().map(|it| row(it))).collect();
    let mut rows = table(&rows).into_iter();
    let mut lines = Vec::new();
    for group in groups {
        let is_fixed = group.iter().any(|it| it.offer.is_some());
        for (finding, row) in group[..listed(group)].iter().zip(rows.by_ref()) {
            lines.push(row);
            if is_fixed {
                lines.extend(fix::lines(finding));
            }
        }
        if listed(group) < group.len() {
            lines.push(
                Line::new()
                    .dim(format!("            and {} more; -o wide shows all", group.len() - listed(group))),
            );
        }
        if !is_fixed {
            lines.push(remedy(&group[0].remedy));
        }
    }
    lines
}

/// A command is left in one piece, to be copied.
pub fn remedy(text: &str) -> Line {
    let line = Line::new().plain("            ");
    if text.starts_with("kubectl ") { line.command(text) } else { line.plain(text).hanging(12) }
}

fn row(finding: &Finding) -> Vec<Line> {
    let role = match finding.severity {
        Severity::Critical | Severity::Error => Role::Bad,
        Severity::Warning => Role::Warn,
        Severity::Info => Role::Dim,
    };
    let place = finding.location.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
    vec![
        Line::new().plain("  ").span(role, format!("{:<8}", finding.severity.word())),
        finding.id.into(),
        Line::new().strong(finding.subject.to_string()).plain(" ").plain(&finding.message).dim(place),
    ]
}
