//! One object of a dump, read as far as it takes to know its kind.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Failure;

pub(super) const COMPLETE: &str = "is the file complete? write it again";

/// What a folder is that has a `kustomization.yaml`.
pub const KUSTOMIZATION: &str =
    "it is a kustomization: render it first, as in `kubectl kustomize FOLDER > all.yaml`";

/// Templates of Helm are text that becomes YAML.
pub const TEMPLATE: &str =
    "it looks like a template, as of Helm: render it first, as in `helm template CHART > all.yaml`";

/// What to do about a text that cannot be parsed.
pub(super) fn remedy(text: &str) -> &'static str {
    if text.contains("{{") { TEMPLATE } else { COMPLETE }
}

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
}

impl Place<'_> {
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
            Format::Json => from_json(self.text),
            Format::Yaml => from_yaml(self.text, self.place.line),
        };
        parsed.map_err(|error| {
            let failure = self.bad(&error);
            if self.text.contains("{{") { failure.hint(TEMPLATE) } else { failure }
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

    /// For what is wrong with it otherwise.
    pub fn bad(&self, what: &str) -> Failure {
        self.place.bad(format!("{}: {what}", self.kind))
    }
}

/// Without the position that serde_json appends: it counts from the start of this object.
pub(super) fn from_json<K: DeserializeOwned>(text: &str) -> Result<K, String> {
    serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        text.rsplit_once(" at line ").map_or(text.clone(), |(words, _)| words.to_owned())
    })
}

/// One line of the error, and no part of the text. `starts`: the line of the file at which the text begins.
pub(super) fn from_yaml<K: DeserializeOwned>(text: &str, starts: Option<usize>) -> Result<K, String> {
    // As kubectl reads file modes: `defaultMode: 0644`.
    let options = serde_saphyr::options! { with_snippet: false, legacy_octal_numbers: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map(|at| at.line());
        let text = error.to_string();
        let words = text.lines().next().unwrap_or("not understood");
        let words = words.replace(", set DuplicateKeyPolicy in Options if acceptable", "");
        let (Some(line), Some(starts)) = (line, starts) else { return words };
        let in_file = line.saturating_add(u64::try_from(starts.saturating_sub(1)).unwrap_or_default());
        words.replacen(&format!("line {line}"), &format!("line {in_file}"), 1)
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
        assert!(error.contains("duplicate mapping key: a") && error.contains("line 12"), "{error}");
        assert!(!error.contains("Options"), "{error}");
    }
}
