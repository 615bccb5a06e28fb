//! Findings, worst first, one line each with the remedy beneath.

use plugin_client::{Line, Role, table};

use super::fix;
use super::remedy::{INDENT, remedy};
use crate::finding::{Finding, Severity};

/// Where a name begins, behind that.
const NAME_AT: usize = 7;

/// More of one check are counted; `-o wide` lists them all.
const OF_ONE_CHECK: usize = 4;

/// `width`: of the terminal, if there is one.
pub fn lines(findings: &[&Finding], wide: bool, width: Option<usize>) -> Vec<Line> {
    let groups: Vec<&[&Finding]> =
        findings.chunk_by(|a, b| (a.id, a.severity, &a.remedy) == (b.id, b.severity, &b.remedy)).collect();
    let listed = |group: &[&Finding]| if wide { group.len() } else { group.len().min(OF_ONE_CHECK) };
    let shown = groups.iter().flat_map(|group| group[..listed(group)].iter());
    let rows: Vec<Vec<Line>> = shown.clone().map(|it| row(it)).collect();
    let beside = |(line, finding): (Line, &&Finding)| {
        let name = finding.subject.to_string().chars().count();
        // Beside the id there is no room for the name.
        if width.is_some_and(|width| INDENT + NAME_AT + name > width) { line.hanging(4) } else { line }
    };
    let mut rows = table(&rows).into_iter().zip(shown).map(beside);
    let mut lines = Vec::new();
    for group in &groups {
        let is_fixed = group.iter().any(|it| it.offer.is_some());
        for (finding, row) in group[..listed(group)].iter().zip(rows.by_ref()) {
            lines.push(row);
            if is_fixed {
                lines.extend(fix::lines(finding));
            }
        }
        if listed(group) < group.len() {
            let more = group.len() - listed(group);
            lines.push(Line::from(" ".repeat(INDENT)).dim(format!("and {more} more; -o wide shows all")));
        }
        if !is_fixed {
            lines.push(remedy(group[0]));
        }
    }
    lines
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;
    use crate::finding::Subject;

    fn finding(id: &'static str, remedy: &str) -> Finding {
        let (name, severity) = ("n", Severity::Error);
        let subject = Subject::new("Deployment", "shop", "web");
        Finding {
            id,
            name,
            severity,
            subject,
            message: "m".to_owned(),
            remedy: remedy.to_owned(),
            location: None,
            offer: None,
        }
    }

    /// Flags for the cluster are added to commands, and nothing else is one.
    #[test]
    fn only_what_can_be_typed_is_a_command() {
        let shown =
            |id, text: &str| remedy(&finding(id, text)).with_flags(" --context c").text().trim().to_owned();
        for check in checks::CHECKS {
            assert_eq!(shown(check.id, check.remedy), check.remedy, "{}", check.id);
        }
        for (text, command) in [
            ("kubectl logs web-a -n shop", true),
            ("once it is off: kubectl taint node n1 x", true),
            ("look at it with kubectl describe", false),
        ] {
            let flags = if command { " --context c" } else { "" };
            assert_eq!(shown("HC601", text), format!("{text}{flags}"));
        }
    }
}
