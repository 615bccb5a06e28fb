//! The file of `--config`. Unknown fields, checks that do not exist, reasons that are missing: each is an error with its line.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::jiff::civil::Date;
use plugin_client::Failure;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::bounded_file;
use crate::checks;
use crate::finding::Severity;
use crate::ignores::annotation::date;
use crate::ignores::object::kind;
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
    kind: Option<Kind>,
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

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Kind(String);

impl TryFrom<String> for Kind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        kind(&text).map(Kind)
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
        let text = bounded_file::read(path).map_err(|error| {
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
            in_plain_words(text.lines().next().unwrap_or("not understood"))
        })?,
    };
    let entries = std::mem::take(&mut config.ignore).into_iter().enumerate();
    let rules = entries.map(|(at, entry)| rule(entry, &format!("{name} ignore[{at}]")));
    let rules = rules.collect::<Result<_, _>>()?;
    Ok((config, rules))
}

/// The library's messages, without its own terms.
fn in_plain_words(error: &str) -> String {
    let (what, place) = error.rsplit_once(" at line ").unwrap_or((error, ""));
    let between = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    let one_of = || what.split_once("expected one of ").map_or("", |(_, all)| all).to_owned();
    let what = match what {
        it if it.starts_with("expected mapping") => "fields (name: value) expected".to_owned(),
        it if it.starts_with("expected sequence") => "a list expected, as in [a, b]".to_owned(),
        it if it.starts_with("expected string") => "a text expected".to_owned(),
        it if it.starts_with("unknown field") => {
            format!("there is no field {}, but {}", between(it), one_of())
        }
        it if it.starts_with("unknown variant") => format!("{} is none of {}", between(it), one_of()),
        it if it.starts_with("missing field") => format!("the field {} is missing", between(it)),
        it => match it.strip_prefix("duplicate mapping key: ") {
            Some(key) => format!("{} is there twice", key.split(',').next().unwrap_or_default()),
            None => it.to_owned(),
        },
    };
    if place.is_empty() { what } else { format!("{what} at line {place}") }
}

fn rule(entry: Entry, place: &str) -> Result<Rule, String> {
    if entry.ids.is_empty() {
        return Err(format!("{place}: ids is empty"));
    }
    Ok(Rule {
        ids: entry.ids.iter().map(|id| id.0).collect(),
        kind: entry.kind.map(|kind| kind.0),
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
            ("  reason: leader elected\n", "", 10, "the field reason is missing"),
            ("  kind: Dep", "  king: Dep", 6, "there is no field king, but ids, kind,"),
            ("kind: Deployment", "kind: foo", 6, "foo is no kind that is known here"),
            ("tools-*", "Tools", 7, "no name has 'T' in it"),
            ("failOn: warning", "failOn: loud", 1, "loud is none of info, warning, error, critical"),
            ("[hc201, HC203]", "HC203", 5, "a list expected"),
            ("severity:", "failOn: error\nseverity:", 2, "failOn is there twice"),
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
