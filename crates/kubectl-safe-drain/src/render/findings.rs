//! Findings as a list: worst first, one line each, the remedy beneath.

use cluster_model::{Finding, Severity};
use plugin_client::{Line, Role, table};

/// More of one kind are counted, not listed; `-o wide` lists them all.
const OF_ONE_KIND: usize = 4;

pub fn findings(findings: &[Finding], wide: bool) -> Vec<Line> {
    // What merely stays is in the plan already.
    let in_plan = |f: &&Finding| wide || !matches!(f.id, "daemonset-pod" | "mirror-pod");
    let shown: Vec<&Finding> = findings.iter().filter(in_plan).collect();
    let groups: Vec<&[&Finding]> =
        shown.chunk_by(|a, b| a.id == b.id && a.accepted == b.accepted && a.remedy == b.remedy).collect();
    let listed = |group: &[&Finding]| if wide { group.len() } else { group.len().min(OF_ONE_KIND) };
    let rows: Vec<Vec<Line>> = groups.iter().flat_map(|g| g[..listed(g)].iter().map(|f| row(f))).collect();
    let mut rows = table(&rows).into_iter();
    let mut lines = Vec::new();
    for group in groups {
        lines.extend(rows.by_ref().take(listed(group)));
        if listed(group) < group.len() {
            lines.push(
                Line::new()
                    .dim(format!("          and {} more; -o wide shows all", group.len() - listed(group))),
            );
        }
        lines.extend(remedy(group[0]));
    }
    lines
}

fn row(finding: &Finding) -> Vec<Line> {
    let (word, role) = match (finding.severity, &finding.accepted) {
        (Severity::Error, Some(_)) => ("accepted", Role::Warn),
        (Severity::Error, None) => ("error", Role::Bad),
        (Severity::Warning, _) => ("warning", Role::Warn),
        (Severity::Unknown, _) => ("unknown", Role::Warn),
        (Severity::Info, _) => ("info", Role::Dim),
    };
    vec![
        Line::new().span(role, format!("{word:<8}")),
        finding.id.into(),
        Line::new().strong(&finding.subject).plain(" ").plain(&finding.message),
    ]
}

fn remedy(finding: &Finding) -> Option<Line> {
    if let Some(flag) = &finding.accepted {
        return Some(Line::new().dim(format!("          by {flag}")));
    }
    (!finding.remedy.is_empty()).then(|| Line::new().plain("          ").command(&finding.remedy))
}
