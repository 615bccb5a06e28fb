//! Findings, worst first, one line each with the remedy beneath.

use plugin_client::{Line, Role, table};

use super::fix;
use super::remedy::{INDENT, remedy};
use crate::finding::{Finding, Offer, Severity};

/// Where a name begins, behind that.
const NAME_AT: usize = 7;

/// More of one check are counted; `-o wide` lists them all.
const OF_ONE_CHECK: usize = 4;

/// `width`: of the terminal, if there is one.
pub fn lines<'f>(findings: &[&'f Finding], wide: bool, width: Option<usize>) -> Vec<Line> {
    let groups: Vec<&[&Finding]> =
        findings.chunk_by(|a, b| (a.id, a.severity, &a.remedy) == (b.id, b.severity, &b.remedy)).collect();
    // Every fix is shown.
    let has_fix = |finding: &Finding| finding.offer.as_ref().and_then(Offer::fix).is_some();
    let listed = |group: &[&'f Finding]| -> Vec<&'f Finding> {
        let all = group.iter().copied().enumerate();
        // One line for one finding more would save nothing.
        let few = wide || group.len() <= OF_ONE_CHECK + 1;
        all.filter(|(at, it)| few || *at < OF_ONE_CHECK || has_fix(it)).map(|(_, it)| it).collect()
    };
    let shown: Vec<&Finding> = groups.iter().flat_map(|group| listed(group)).collect();
    let rows: Vec<Vec<Line>> = shown.iter().map(|it| row(it)).collect();
    let beside = |(line, finding): (Line, &Finding)| {
        let name = finding.subject.to_string().chars().count();
        // Beside the id there is no room for the name.
        if width.is_some_and(|width| INDENT + NAME_AT + name > width) { line.hanging(4) } else { line }
    };
    let mut rows = table(&rows).into_iter().zip(shown).map(beside);
    let mut lines = Vec::new();
    for group in &groups {
        let is_fixed = group.iter().any(|it| it.offer.is_some());
        let listed = listed(group);
        for (finding, row) in listed.iter().zip(rows.by_ref()) {
            lines.push(row);
            if is_fixed {
                lines.extend(fix::lines(finding));
            }
        }
        if listed.len() < group.len() {
            let more = group.len() - listed.len();
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
    use crate::finding::{Change, Fix, Proof, Subject};

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

    /// Of many findings of one check the first ones are listed, and all that have a fix.
    #[test]
    fn every_fix_is_listed() {
        let offered = |at: usize| {
            let mut it = finding("HC301", "r");
            it.subject.name = format!("web-{at}");
            it.offer = Some(Offer::Nothing("not known".to_owned()));
            if at == 7 {
                let proof = Proof { accepted: true, fits: true, resolved: true, no_worse: true };
                it.offer = Some(Offer::Fix(Box::new(Fix {
                    first: Change::patch(&it.subject, serde_json::json!({})),
                    also: Vec::new(),
                    proof,
                    partial: None,
                    is_by_server: false,
                    commands: vec!["kubectl patch x".to_owned()],
                })));
            }
            it
        };
        let all: Vec<Finding> = (0..9).map(offered).collect();
        let text: Vec<String> =
            lines(&all.iter().collect::<Vec<_>>(), false, None).iter().map(Line::text).collect();
        let is_there = |part: &str| text.iter().any(|line| line.contains(part));
        assert!(is_there("web-3") && !is_there("web-4") && is_there("web-7"), "{text:#?}");
        assert!(is_there("kubectl patch x") && is_there("and 4 more"), "{text:#?}");
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
