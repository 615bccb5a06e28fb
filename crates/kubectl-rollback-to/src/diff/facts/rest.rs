//! Fields without words of their own: shown path by path, as they are written.

use serde_json::Value;

use super::{At, Facts};
use crate::diff::defaulted::MEANT;

impl Facts {
    /// Every leaf below; `field` is the path so far.
    pub(super) fn rest(&mut self, at: &At, field: &str, value: &Value) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    self.rest(&at.to(key), &deeper(field, key), value);
                }
                if map.is_empty() && at.path.rsplit('/').next().is_some_and(|key| MEANT.contains(&key)) {
                    self.put(at, field, value, compact);
                }
            }
            Value::Array(list) if list.iter().all(|v| !v.is_object() && !v.is_array()) => {
                if !list.is_empty() {
                    self.put(at, field, value, compact);
                }
            }
            Value::Array(list) => {
                for (index, value) in list.iter().enumerate() {
                    let at = at.to(&index.to_string());
                    let before = self.all.len();
                    self.rest(&at, &format!("{field}[{index}]"), value);
                    // An empty member is a member.
                    if self.all.len() == before {
                        self.put(&at, format!("{field}[{index}]"), value, compact);
                    }
                }
            }
            Value::Null => {}
            scalar => self.put(at, field, scalar, leaf),
        }
    }
}

fn deeper(field: &str, key: &str) -> String {
    let simple = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    match (field.is_empty(), simple) {
        (true, _) => key.to_owned(),
        (false, true) => format!("{field}.{key}"),
        (false, false) => format!("{field}[{key}]"),
    }
}

/// A value that stands alone.
pub fn leaf(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() || text.trim() != text => value.to_string(),
        Value::String(text) => text.clone(),
        other => compact(other),
    }
}

/// As YAML in one line, without quotes where they can be spared.
pub fn compact(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields: Vec<String> =
                map.iter().map(|(key, value)| format!("{key}: {}", inner(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(inner).collect::<Vec<_>>().join(", ")),
        other => inner(other),
    }
}

fn inner(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let clear = !text.is_empty()
                && text.trim() == text
                && !text.contains([',', '{', '}', '[', ']', '"', '\n'])
                && !text.contains(": ")
                && serde_json::from_str::<Value>(text).is_err();
            if clear { text.clone() } else { value.to_string() }
        }
        Value::Object(_) | Value::Array(_) => compact(value),
        other => other.to_string(),
    }
}

/// A command line; words with blanks in quotes.
pub fn words(value: &Value) -> String {
    let Some(words) =
        value.as_array().and_then(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>())
    else {
        return compact(value);
    };
    let quoted = words.iter().map(|word| {
        let plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        if plain || *word == super::HIDDEN { (*word).to_owned() } else { format!("{word:?}") }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
