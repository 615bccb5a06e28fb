//! Findings, worst first, one line each with the remedy beneath.

use plugin_client::{Line, Role, table};

use crate::finding::{Finding, Offer, Severity};

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
        lines.extend(rows.by_ref().take(listed(group)));
        if listed(group) < group.len() {
            lines.push(
                Line::new()
                    .dim(format!("            and {} more; -o wide shows all", group.len() - listed(group))),
            );
        }
        lines.push(remedy(&group[0].remedy));
        lines.extend(
            group[..listed(group)].iter().filter_map(|it| it.offer.as_ref()).flat_map(|it| offer(it, wide)),
        );
    }
    lines
}

/// A command is left in one piece, to be copied.
fn remedy(text: &str) -> Line {
    let line = Line::new().plain("            ");
    if text.starts_with("kubectl ") { line.command(text) } else { line.plain(text).hanging(12) }
}

/// Commands that are proven; of the others what they lack. Why there is none is told with `wide`.
fn offer(offer: &Offer, wide: bool) -> Vec<Line> {
    let line = || Line::new().plain("            ");
    match offer {
        Offer::Nothing(why) if wide => vec![line().dim(format!("no fix: {why}"))],
        Offer::Nothing(_) => Vec::new(),
        Offer::Fix(fix) => {
            let title = match &fix.partial {
                None => line().good("fix, proven:"),
                Some(why) => line().warn("partial fix: ").plain(why),
            };
            let commands = fix.commands.iter().map(|it| line().command(it));
            std::iter::once(title).chain(commands).collect()
        }
    }
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
