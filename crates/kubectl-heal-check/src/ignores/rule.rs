//! One rule by which findings are left out.

use std::collections::BTreeMap;
use std::fmt;

use cluster_model::text::shorten;
use k8s_openapi::jiff::civil::Date;
use serde::Deserialize;

use super::name::is_of_name;
use crate::finding::{Finding, Severity, Subject};

/// `tools-*`: `*` is any text, `?` one character.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Glob(glob::Pattern);

impl TryFrom<String> for Glob {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Err("an empty pattern matches nothing: leave it out".to_owned());
        }
        let is_known = |c: char| is_of_name(c) || matches!(c, '*' | '?' | '[' | ']' | '!');
        if let Some(c) = text.chars().find(|c| !is_known(*c)) {
            return Err(format!("{}: no name has {c:?} in it", shorten(&text, 60)));
        }
        glob::Pattern::new(&text).map(Glob).map_err(|error| format!("{text}: {}", error.msg))
    }
}

impl Glob {
    pub fn matches(&self, text: &str) -> bool {
        self.0.matches(text)
    }

    /// This one text and no other.
    pub fn exactly(text: &str) -> Self {
        Glob(glob::Pattern::new(&glob::Pattern::escape(text)).unwrap_or_default())
    }

    /// Without a pattern in it.
    pub fn is(&self, text: &str) -> bool {
        self.0.as_str() == glob::Pattern::escape(text)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// It says something.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Reason(pub String);

impl TryFrom<String> for Reason {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() { Err("the reason is empty".to_owned()) } else { Ok(Reason(text.to_owned())) }
    }
}

/// Where a rule was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    CommandLine,
    /// As in `heal-check.yaml ignore[0]`.
    Config(String),
    Annotation(Subject),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub ids: Vec<&'static str>,
    pub kind: Option<String>,
    pub namespace: Option<Glob>,
    pub name: Option<Glob>,
    pub labels: BTreeMap<String, String>,
    /// None on the command line alone.
    pub reason: Option<Reason>,
    /// The last day on which it applies.
    pub expires: Option<Date>,
    pub source: Source,
}

impl Rule {
    pub fn new(ids: Vec<&'static str>, source: Source) -> Self {
        Rule {
            ids,
            kind: None,
            namespace: None,
            name: None,
            labels: BTreeMap::new(),
            reason: None,
            expires: None,
            source,
        }
    }

    pub fn has_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| last < today)
    }

    /// Of one id it means all that may be found, whatever it is about.
    pub fn is_of_whole_check(&self, id: &str) -> bool {
        self.ids.contains(&id)
            && self.kind.is_none()
            && self.namespace.is_none()
            && self.name.is_none()
            && self.labels.is_empty()
            && !matches!(self.source, Source::Annotation(_))
    }

    pub fn matches(&self, finding: &Finding, labels: &BTreeMap<String, String>) -> bool {
        let subject = &finding.subject;
        let of_object = match &self.source {
            Source::Annotation(object) if object.kind == "Namespace" => object.name == subject.namespace,
            Source::Annotation(object) => object == subject,
            Source::CommandLine | Source::Config(_) => true,
        };
        let is = |glob: &Option<Glob>, text: &str| glob.as_ref().is_none_or(|glob| glob.matches(text));
        of_object
            && self.ids.contains(&finding.id)
            && self.kind.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case(&subject.kind))
            && is(&self.namespace, &subject.namespace)
            && is(&self.name, &subject.name)
            && self.labels.iter().all(|(key, value)| labels.get(key) == Some(value))
    }

    /// `HC203:shop/deployment/web`
    pub fn shown(&self) -> String {
        let kind = self.kind.as_ref().map(|kind| kind.to_lowercase());
        let of = |glob: &Option<Glob>| glob.as_ref().map(ToString::to_string);
        let object: Vec<String> = [of(&self.namespace), kind, of(&self.name)].into_iter().flatten().collect();
        let ids = self.ids.join(",");
        if object.is_empty() { ids } else { format!("{ids}:{}", object.join("/")) }
    }

    /// What is critical takes a reason.
    pub fn may_ignore(&self, finding: &Finding) -> bool {
        finding.severity < Severity::Critical || self.reason.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_exact_glob_matches_its_text_alone(text in "[a-z*?\\[\\].-]{1,8}", other in "[a-z*?\\[\\].-]{1,8}") {
            prop_assert!(Glob::exactly(&text).matches(&text));
            prop_assert!(Glob::exactly(&text).is(&text));
            prop_assert_eq!(Glob::exactly(&text).matches(&other), text == other);
        }
    }

    #[test]
    fn globs() {
        let glob = |text: &str| Glob::try_from(text.to_owned());
        for (pattern, text, matches) in
            [("tools-*", "tools-a", true), ("tools-*", "tool", false), ("?", "a", true), ("*", "", true)]
        {
            assert_eq!(glob(pattern).unwrap().matches(text), matches, "{pattern} {text}");
        }
        for wrong in ["", "a**b", "[", "My_App", "a b"] {
            assert!(glob(wrong).is_err(), "{wrong}");
        }
    }
}
