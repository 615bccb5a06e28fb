//! One object of a dump, read as far as it takes to know its kind.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::lines::line_of;
use crate::Failure;

pub(super) const COMPLETE: &str = "is the file complete? write it again";

/// What a folder is that has a `kustomization.yaml`.
pub const KUSTOMIZATION: &str =
    "it is a kustomization: render it first, as in `kubectl kustomize FOLDER > all.yaml`";

/// Templates of Helm are text that becomes YAML.
pub const TEMPLATE: &str =
    "it looks like a template, as of Helm: render it first, as in `helm template CHART > all.yaml`";

/// Gets every part of a dump.
pub type Visit<'a> = dyn FnMut(Entry<'_>) -> Result<(), Failure> + 'a;

/// What a dump consists of.
#[derive(Debug)]
pub enum Entry<'a> {
    Object(Object<'a>),
    /// The end of a list of objects of this kind, which may have been empty.
    List {
        api_version: &'a str,
        kind: &'a str,
    },
}

#[derive(Debug)]
pub struct Object<'a> {
    pub api_version: String,
    pub kind: String,
    text: &'a str,
    format: Format,
    place: Place<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

/// Where an object is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub file: &'a str,
    /// The document of a file with several, from 1.
    pub document: Option<usize>,
    /// Of its list, from 1.
    pub item: Option<usize>,
    /// Where it begins, from 1, if that is known.
    pub line: Option<usize>,
    /// Nothing follows it in its file.
    pub is_last: bool,
}

impl Place<'_> {
    /// A text that cannot be parsed. Only what is the last of its file may have been cut off.
    pub fn broken(&self, fault: Fault, text: &str) -> Failure {
        let failure = Place { line: fault.line.or(self.line), ..*self }.bad(fault.what);
        match fault.ends_early && self.is_last {
            _ if text.contains("{{") => failure.hint(TEMPLATE),
            true => failure.hint(COMPLETE),
            false => failure,
        }
    }

    pub fn bad(&self, what: impl Into<String>) -> Failure {
        let part = |word: &str, number: Option<usize>| number.map(|number| format!("{word} {number}"));
        let parts = [("document", self.document), ("item", self.item), ("line", self.line)];
        let at: Vec<String> = parts.into_iter().filter_map(|(word, number)| part(word, number)).collect();
        match at.is_empty() {
            true => bad(self.file, what),
            false => bad(self.file, format!("{}: {}", at.join(", "), what.into())),
        }
    }

    fn no_kind(&self) -> Failure {
        let failure = self.bad("it has no kind, so it is no object of Kubernetes");
        let name = self.file.rsplit(['/', '\\']).next().unwrap_or_default();
        match name.starts_with("kustomization.") {
            true => failure.hint(KUSTOMIZATION),
            false => failure,
        }
    }
}

pub(super) fn bad(file: &str, what: impl Into<String>) -> Failure {
    Failure { local: true, ..Failure::failed(format!("cannot read {file}")).cause(what) }
}

/// What an object says about itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub api_version: Option<String>,
    pub kind: Option<String>,
    #[serde(default)]
    pub metadata: Option<Page>,
}

/// Of a list: whether there is more of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    #[serde(default, rename = "continue")]
    next: Option<String>,
    #[serde(default)]
    remaining_item_count: Option<i64>,
}

impl Head {
    /// Of an object in this list that says nothing itself: a `PodList` has items without a kind.
    pub fn of_item(&self) -> Option<Head> {
        let kind = self.kind.as_deref()?.strip_suffix(LIST)?;
        (!kind.is_empty()).then(|| Head {
            api_version: self.api_version.clone(),
            kind: Some(kind.to_owned()),
            metadata: None,
        })
    }

    /// A list that was read to its end.
    pub fn listed(&self, file: &str, visit: &mut Visit<'_>) -> Result<(), Failure> {
        let has_more = |page: &Page| {
            page.next.as_deref().is_some_and(|token| !token.is_empty())
                || page.remaining_item_count.is_some_and(|count| count > 0)
        };
        if self.metadata.as_ref().is_some_and(has_more) {
            return Err(bad(
                file,
                "a list in it is one page of a longer one (metadata.continue, metadata.remainingItemCount)",
            )
            .hint("write it with `kubectl get … -o json`, which reads all pages"));
        }
        match self.of_item() {
            Some(Head { api_version, kind: Some(kind), .. }) => {
                visit(Entry::List { api_version: &api_version.unwrap_or_default(), kind: &kind })
            }
            _ => Ok(()),
        }
    }

    pub fn is_list(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind.ends_with(LIST))
    }
}

const LIST: &str = "List";

impl<'a> Object<'a> {
    /// `list`: what its list says, if it is in one.
    pub(super) fn new(
        head: Head,
        list: Option<&Head>,
        text: &'a str,
        format: Format,
        place: Place<'a>,
    ) -> Result<Self, Failure> {
        let head = match (head.kind.is_some(), list.and_then(Head::of_item)) {
            (false, Some(of_list)) => of_list,
            _ => head,
        };
        let Some(kind) = head.kind else {
            return Err(place.no_kind());
        };
        if place.item.is_some() && kind.ends_with(LIST) {
            return Err(place.bad(format!("a {kind} within a list is not read")));
        }
        Ok(Object { api_version: head.api_version.unwrap_or_default(), kind, text, format, place })
    }

    /// The whole object.
    ///
    /// # Errors
    ///
    /// It is no object of this kind.
    pub fn parse<K: DeserializeOwned>(&self) -> Result<K, Failure> {
        let parsed = match self.format {
            Format::Json => from_json(self.text).map_err(Fault::of),
            Format::Yaml => from_yaml(self.text, self.place.line),
        };
        parsed.map_err(|fault| {
            let what = format!("{}: {}", self.kind, fault.what);
            self.place.broken(Fault { what, ..fault }, self.text)
        })
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        self.text
    }

    /// The file that it is in.
    pub fn file(&self) -> &str {
        self.place.file
    }

    /// Where it begins in the file, from 1, if that is known.
    pub fn line(&self) -> Option<usize> {
        self.place.line
    }

    /// Nothing follows it in its file, which may have been cut off.
    pub fn is_last(&self) -> bool {
        self.place.is_last
    }

    /// For what is wrong with it otherwise.
    pub fn bad(&self, what: &str) -> Failure {
        self.bad_at("", what)
    }

    /// For what is wrong with a field of it, as in `/spec/replicas`: with the line of that field if it is known, and otherwise its own.
    pub fn bad_at(&self, pointer: &str, what: &str) -> Failure {
        let in_file = |line: usize| Some(self.place.line? + line - 1);
        let line = match self.format {
            Format::Yaml if !pointer.is_empty() => line_of(self.text, pointer).and_then(in_file),
            Format::Yaml | Format::Json => None,
        };
        let place = Place { line: line.or(self.place.line), ..self.place };
        place.bad(format!("{}: {what}", self.kind))
    }
}

/// What is wrong with a text.
#[derive(Debug)]
pub(super) struct Fault {
    /// One line, and no part of the text.
    pub what: String,
    /// Of the file, from 1, if it is known.
    pub line: Option<usize>,
    /// More was expected where the text ends.
    pub ends_early: bool,
}

impl Fault {
    fn of(what: String) -> Self {
        Fault { what, line: None, ends_early: false }
    }
}

/// Without the position that serde_json appends: it counts from the start of this object.
pub(super) fn from_json<K: DeserializeOwned>(text: &str) -> Result<K, String> {
    serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        text.rsplit_once(" at line ").map_or(text.clone(), |(words, _)| words.to_owned())
    })
}

/// `starts`: the line of the file at which the text begins.
pub(super) fn from_yaml<K: DeserializeOwned>(text: &str, starts: Option<usize>) -> Result<K, Fault> {
    // As kubectl reads file modes: `defaultMode: 0644`.
    let options = serde_saphyr::options! { with_snippet: false, legacy_octal_numbers: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().and_then(|at| usize::try_from(at.line()).ok());
        let words = error.to_string();
        let words = words.lines().next().unwrap_or("not understood");
        let what = words.rsplit_once(" at line ").map_or(words, |(what, _)| what);
        let what = what.replace(", set DuplicateKeyPolicy in Options if acceptable", "");
        let is_open = what.contains("unclosed") || what.contains("end of");
        let is_at_end = line.is_some_and(|line| line > text.trim_end().lines().count());
        let line = line.zip(starts).map(|(line, starts)| line + starts.saturating_sub(1));
        Fault { what, line, ends_early: is_open || is_at_end }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn numbers_with_a_leading_zero_are_octal_as_in_kubectl() {
        let modes = |text: &str| from_yaml::<Value>(text, None).unwrap();
        assert_eq!(
            modes("a: 0644\nb: 0o644\nc: '0644'\nd: 644"),
            json!({"a": 420, "b": 420, "c": "0644", "d": 644})
        );
    }

    #[test]
    fn a_key_that_is_there_twice_is_named() {
        let error = from_yaml::<Value>("a: 1\nb: 2\na: 3", Some(10)).unwrap_err();
        assert_eq!((error.what.as_str(), error.line), ("duplicate mapping key: a", Some(12)));
    }
}
