//! The annotation of an object or of its namespace: `HC203=single tenant, until 2027-03-01; HC201,HC301=leader elected`.

use cluster_model::text::shorten;
use k8s_openapi::jiff::civil::Date;

use super::rule::{Reason, Rule, Source};
use crate::checks;
use crate::finding::Subject;

pub const KEY: &str = "kubectl-heal-check/ignore";

const UNTIL: &str = ", until ";

/// Each of its entries, or what is wrong with it.
pub fn parse(object: &Subject, text: &str) -> Vec<Result<Rule, String>> {
    let entries: Vec<&str> = text.split(';').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    if entries.is_empty() {
        return vec![Err("it is empty".to_owned())];
    }
    let parsed = |text: &&str| {
        entry(object, text).map_err(|why| format!("\"{}\" is not obeyed: {why}", shorten(text, 60)))
    };
    entries.iter().map(parsed).collect()
}

fn entry(object: &Subject, text: &str) -> Result<Rule, String> {
    let (ids, reason) = text.split_once('=').ok_or("write it as ID=REASON: it has no reason")?;
    let known = |id: &str| {
        checks::find(id.trim())
            .map(|check| check.id)
            .ok_or_else(|| format!("there is no check {}", shorten(id, 20)))
    };
    let ids: Vec<&'static str> = ids.split(',').map(known).collect::<Result<_, _>>()?;
    let (reason, expires) = match reason.rsplit_once(UNTIL) {
        Some((reason, day)) => (reason, Some(date(day.trim())?)),
        // Without a reason before it.
        None if reason.trim().starts_with(UNTIL.trim_start_matches([',', ' '])) => ("", None),
        None => (reason, None),
    };
    let reason = Reason::try_from(reason.to_owned())?;
    let rule = Rule::new(ids, Source::Annotation(object.clone()));
    Ok(Rule { reason: Some(reason), expires, ..rule })
}

/// As in `2027-03-01`.
pub fn date(text: &str) -> Result<Date, String> {
    let is_day = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let parsed = is_day.then(|| text.parse().ok()).flatten();
    parsed.ok_or_else(|| format!("{} is no day as in 2027-03-01", shorten(text, 20)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_with_reasons_are_obeyed_and_no_others() {
        let web = Subject::new("Deployment", "shop", "web");
        let shown = |result: Result<Rule, String>| match result {
            Ok(rule) => {
                let until = rule.expires.map(|day| format!(" until {day}")).unwrap_or_default();
                format!("{} {}{until}", rule.ids.join("+"), rule.reason.map(|it| it.0).unwrap_or_default())
            }
            Err(why) => format!("error: {why}"),
        };
        let cases: [(&str, &[&str]); 12] = [
            ("HC203=single tenant", &["HC203 single tenant"]),
            ("HC203=single tenant, until 2027-03-01", &["HC203 single tenant until 2027-03-01"]),
            (" hc203 , HC201 = a=b; HC301=c ;", &["HC203+HC201 a=b", "HC301 c"]),
            ("HC203", &["error: \"HC203\" is not obeyed: write it as ID=REASON: it has no reason"]),
            ("HC203= ", &["error: \"HC203=\" is not obeyed: the reason is empty"]),
            (
                "HC203=, until 2027-03-01",
                &["error: \"HC203=, until 2027-03-01\" is not obeyed: the reason is empty"],
            ),
            (
                "HC203=until 2027-03-01",
                &["error: \"HC203=until 2027-03-01\" is not obeyed: the reason is empty"],
            ),
            (
                "HC203=a, until soon",
                &["error: \"HC203=a, until soon\" is not obeyed: soon is no day as in 2027-03-01"],
            ),
            (
                "HC203=a, until 2027-02-30",
                &[
                    "error: \"HC203=a, until 2027-02-30\" is not obeyed: 2027-02-30 is no day as in 2027-03-01",
                ],
            ),
            ("HC999=a; HC203=b", &["error: \"HC999=a\" is not obeyed: there is no check HC999", "HC203 b"]),
            ("HC203,=a", &["error: \"HC203,=a\" is not obeyed: there is no check "]),
            (" ; ", &["error: it is empty"]),
        ];
        for (text, expected) in cases {
            let found: Vec<String> = parse(&web, text).into_iter().map(shown).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
