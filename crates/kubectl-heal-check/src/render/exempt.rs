//! What does not count: findings that were left out, with the reason, those of the baseline, and which of those are fixed.

use cluster_model::text::count;
use plugin_client::{Line, table};

use crate::exempt::Exempt;

/// Without `all` what was left out is only counted.
pub fn lines(exempt: &Exempt, all: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    if !exempt.ignored.is_empty() {
        let more = if all { "" } else { "; --show-ignored shows why" };
        let left_out = count(exempt.ignored.len(), "finding");
        lines.push(Line::new().dim(format!("{left_out} left out{more}")));
        let rows = exempt.ignored.iter().filter(|_| all).map(|it| {
            let finding = &it.finding;
            let place = match finding.subject.namespace.as_str() {
                "" => String::new(),
                namespace => format!(" -n {namespace}"),
            };
            let reason = it.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            vec![
                Line::new().plain("  ").dim(finding.severity.word()),
                finding.id.into(),
                Line::new().plain(finding.subject.to_string()).dim(place),
                Line::new().plain(it.by).plain(reason),
            ]
        });
        lines.extend(table(&rows.collect::<Vec<_>>()));
    }
    if !exempt.known.is_empty() {
        let known = count(exempt.known.len(), "finding");
        lines.push(Line::new().dim(format!("{known} of the baseline, not counted")));
    }
    for key in &exempt.fixed {
        let kind = key.kind.to_lowercase();
        let line = Line::new().good("fixed").plain(format!("  {}  {kind}/{}", key.id, key.name));
        let place = if key.namespace.is_empty() { String::new() } else { format!(" -n {}", key.namespace) };
        lines.push(line.dim(place));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Key;
    use crate::finding::{Finding, Severity, Subject};
    use crate::ignores::Ignored;

    #[test]
    fn what_does_not_count_is_said() {
        let subject = Subject::new("Deployment", "shop", "web");
        let finding = Finding {
            id: "HC203",
            name: "no-budget",
            severity: Severity::Warning,
            subject,
            message: "m".to_owned(),
            remedy: String::new(),
            location: None,
            offer: None,
        };
        let key = Key::of(&finding);
        let reason = Some("one tenant".to_owned());
        let exempt = Exempt {
            ignored: vec![Ignored { finding: finding.clone(), by: "annotation", reason }],
            known: vec![finding],
            fixed: vec![key],
        };
        let text = |all: bool| lines(&exempt, all).iter().map(Line::text).collect::<Vec<_>>();
        assert_eq!(
            text(false),
            [
                "1 finding left out; --show-ignored shows why",
                "1 finding of the baseline, not counted",
                "fixed  HC203  deployment/web -n shop"
            ]
        );
        assert_eq!(text(true)[1], "  warning  HC203  deployment/web -n shop  annotation: one tenant");
    }
}
