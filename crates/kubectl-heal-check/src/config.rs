//! The file of `--config`. Unknown fields, checks that do not exist, reasons that are missing: each is an error with its line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use k8s_openapi::jiff::civil::Date;
use plugin_client::Failure;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::checks;
use crate::finding::Severity;
use crate::ignores::annotation::date;
use crate::ignores::{Glob, Reason, Rule, Source};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Config {
    pub fail_on: Option<Severity>,
    severity: BTreeMap<Id, Severity>,
    ignore: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Entry {
    ids: Vec<Id>,
    kind: Option<String>,
    namespace: Option<Glob>,
    name: Option<Glob>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    reason: Reason,
    expires: Option<Day>,
}

/// Of a check that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Id(&'static str);

/// By hand: derived, it would borrow from the file for ever.
impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = checks::find(&text).map(|check| Id(check.id));
        found.ok_or_else(|| D::Error::custom(format!("there is no check {text}")))
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Day(Date);

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        date(&text).map(Day)
    }
}

impl Config {
    /// # Errors
    ///
    /// The file cannot be read, or something in it is wrong.
    pub fn read(path: &Path) -> Result<(Self, Vec<Rule>), Failure> {
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("--config {}: cannot be read", path.display())).cause(error.to_string())
        })?;
        let name = path.display().to_string();
        parse(&text, &name).map_err(|why| {
            Failure::usage(format!("--config {name} is wrong"))
                .cause(why)
                .hint("docs/heal-check.md shows what can be in it")
        })
    }

    pub fn severity(&self) -> BTreeMap<&'static str, Severity> {
        self.severity.iter().map(|(id, severity)| (id.0, *severity)).collect()
    }
}

fn parse(text: &str, name: &str) -> Result<(Config, Vec<Rule>), String> {
    let options = serde_saphyr::options! { with_snippet: false };
    let mut config: Config = match text.trim() {
        "" => Config::default(),
        _ => serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let text = error.to_string();
            text.lines().next().unwrap_or("not understood").to_owned()
        })?,
    };
    let entries = std::mem::take(&mut config.ignore).into_iter().enumerate();
    let rules = entries.map(|(at, entry)| rule(entry, &format!("{name} ignore[{at}]")));
    let rules = rules.collect::<Result<_, _>>()?;
    Ok((config, rules))
}

fn rule(entry: Entry, place: &str) -> Result<Rule, String> {
    if entry.ids.is_empty() {
        return Err(format!("{place}: ids is empty"));
    }
    Ok(Rule {
        ids: entry.ids.iter().map(|id| id.0).collect(),
        kind: entry.kind,
        namespace: entry.namespace,
        name: entry.name,
        labels: entry.labels,
        reason: Some(entry.reason),
        expires: entry.expires.map(|day| day.0),
        source: Source::Config(place.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
failOn: warning
severity:
  HC203: info
ignore:
- ids: [hc201, HC203]
  kind: Deployment
  namespace: tools-*
  name: '*'
  labels: {singleton: 'true'}
  reason: leader elected
  expires: 2027-03-01
";

    #[test]
    fn what_can_be_in_it() {
        let (config, rules) = parse(GOOD, "f").unwrap();
        assert_eq!(config.fail_on, Some(Severity::Warning));
        assert_eq!(config.severity(), BTreeMap::from([("HC203", Severity::Info)]));
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0].ids, ["HC201", "HC203"]);
        assert_eq!(rules[0].expires, "2027-03-01".parse().ok());
        assert_eq!(rules[0].source, Source::Config("f ignore[0]".to_owned()));
        assert!(parse("", "f").unwrap().1.is_empty());
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (from, to, line, part) in [
            ("failOn", "fail_on", 1, "fail_on"),
            ("warning", "bad", 1, "bad"),
            ("HC203: info", "HC999: info", 3, "HC999"),
            ("hc201", "HC000", 5, "HC000"),
            ("leader elected", "' '", 10, "the reason is empty"),
            ("  reason: leader elected\n", "", 10, "missing field `reason`"),
            ("  kind: Dep", "  king: Dep", 6, "king"),
            ("2027-03-01", "soon", 11, "soon is no day"),
            ("tools-*", "'['", 7, "[:"),
            ("name: '*'", "name: ''", 8, "leave it out"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            let why = parse(&text, "f").unwrap_err();
            assert!(why.contains(&format!("line {line}")) && why.contains(part), "{to}: {why}");
            assert_eq!(why.lines().count(), 1, "{why}");
        }
        for (text, part) in [
            ("[]", ""),
            ("failOn: [", ""),
            ("ignore: [{ids: [], reason: x}]", "ids is empty"),
            ("a: 1\n---\nb: 2", ""),
        ] {
            assert!(parse(text, "f").unwrap_err().contains(part), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_a_usage_error() {
        let failure = Config::read(Path::new("no-such-folder/heal-check.yaml")).unwrap_err();
        assert_eq!(failure.exit, plugin_client::Exit::Usage);
    }
}
