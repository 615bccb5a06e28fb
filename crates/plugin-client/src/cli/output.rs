//! The result as text, JSON or YAML. Only `publish` does I/O, by way of the Ui.
//!
//! serde_json leaves DEL, C1, bidi and zero-width characters as they are, and a terminal obeys them: here they are escaped,
//! so the text is safe to look at and still means the same.

use std::fmt::Write;

use clap::ValueEnum;
use cluster_model::text::is_hostile;
use serde::Serialize;

use crate::{Line, Ui};

/// What `-o` takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    #[default]
    Text,
    // Text with more rows and columns.
    Wide,
    Json,
    Yaml,
}

impl Output {
    /// Is stdout for a program?
    pub fn is_structured(self) -> bool {
        matches!(self, Output::Json | Output::Yaml)
    }
}

/// The requested format, from the words as typed: for a command line that cannot be parsed as a whole.
pub(crate) fn requested_output<'a>(words: impl IntoIterator<Item = &'a str>) -> Output {
    let mut words = words.into_iter().take_while(|word| *word != "--");
    let mut found = Output::Text;
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--output").or_else(|| short(word)) {
            Some("") => words.next(),
            Some(rest) => Some(rest.strip_prefix('=').unwrap_or(rest)),
            None => None,
        };
        if let Some(format) = value.and_then(|value| Output::from_str(value, false).ok()) {
            found = format;
        }
    }
    found
}

/// What follows `-o`, also behind other letters that take no value.
fn short(word: &str) -> Option<&str> {
    word.strip_prefix('-')?.trim_start_matches(['q', 'y']).strip_prefix('o')
}

/// The result of a run on stdout: the whole report for a program, `text` for people.
pub fn publish(ui: &Ui, output: Output, report: &impl Serialize, text: impl FnOnce() -> Vec<Line>) {
    match output {
        Output::Json => ui.document(&to_json(report)),
        Output::Yaml => ui.document(&to_yaml(report)),
        Output::Text | Output::Wide => text().iter().for_each(|line| ui.data(line)),
    }
}

/// Pretty, one final newline.
pub fn to_json(value: &impl Serialize) -> String {
    escape(plain_json(value), |out, c| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

/// Block style. A document with hostile text comes in YAML's flow style instead, where every string is quoted and so can be escaped.
pub fn to_yaml(value: &impl Serialize) -> String {
    match serde_saphyr::to_string(value) {
        Ok(mut yaml) if !yaml.contains(|c| c != '\n' && is_hostile(c)) => {
            if !yaml.ends_with('\n') {
                yaml.push('\n');
            }
            yaml
        }
        // YAML has no surrogate pairs.
        _ => escape(plain_json(value), |out, c| {
            let _ = write!(out, "\\U{:08x}", u32::from(c));
        }),
    }
}

/// A string as YAML and JSON both quote it, in one line.
pub(crate) fn quoted(text: &str) -> String {
    escape(plain_json(&text).trim_end().to_owned(), |out, c| {
        let _ = write!(out, "\\U{:08x}", u32::from(c));
    })
}

fn plain_json(value: &impl Serialize) -> String {
    // Only a map with keys that are no strings, or a Serialize that gives up, can fail: our reports have neither.
    let mut json = serde_json::to_string_pretty(value)
        .unwrap_or_else(|error| format!("{{\n  \"error\": {:?}\n}}", error.to_string()));
    json.push('\n');
    json
}

/// Outside its strings JSON is ASCII, and the only control character there is the newline (inside them serde_json has escaped C0 already):
/// so whatever else is hostile stands in a string.
fn escape(json: String, spell: impl Fn(&mut String, char)) -> String {
    // A report of a large cluster is not copied for nothing.
    if !json.contains(|c| c != '\n' && is_hostile(c)) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_hostile(c) {
            spell(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn clean(text: &str) -> bool {
        !text.contains(|c| c != '\n' && is_hostile(c))
    }

    #[test]
    fn a_report_is_for_programs_and_text_for_people() {
        for (output, out) in [
            (Output::Text, "a line\n"),
            (Output::Wide, "a line\n"),
            (Output::Json, "{\n  \"a\": 1\n}\n"),
            (Output::Yaml, "a: 1\n"),
        ] {
            let ui = Ui::captured();
            publish(&ui, output, &json!({"a": 1}), || vec!["a line".into()]);
            assert_eq!(ui.out(), out);
        }
    }

    #[test]
    fn hostile_text_is_escaped_and_means_the_same() {
        let value = json!({"osc\u{7f}": "\u{9b}2J \u{202e} \u{200b} \u{e0041} \u{1b}]52;c;x\u{7}\n"});
        let json = to_json(&value);
        assert_eq!(
            json,
            "{\n  \"osc\\u007f\": \"\\u009b2J \\u202e \\u200b \\udb40\\udc41 \\u001b]52;c;x\\u0007\\n\"\n}\n"
        );
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
        let yaml = to_yaml(&value);
        assert!(clean(&yaml), "{yaml:?}");
        assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), value);
    }

    #[test]
    fn the_format_is_found_in_words_that_make_no_sense() {
        let cases: [(&[&str], Output); 12] = [
            (&["a", "--no-such", "-o", "json"], Output::Json),
            (&["-ojson"], Output::Json),
            (&["-o=yaml", "x"], Output::Yaml),
            (&["--output=json"], Output::Json),
            (&["--output", "yaml", "-o"], Output::Yaml),
            (&["-qyojson"], Output::Json),
            (&["-yo", "json"], Output::Json),
            (&["-o", "wide"], Output::Wide),
            (&["-nojson"], Output::Text),
            (&["--", "-ojson"], Output::Text),
            (&["--outputjson2", "-o=nonsense"], Output::Text),
            (&["json", "-o"], Output::Text),
        ];
        for (words, output) in cases {
            assert_eq!(requested_output(words.iter().copied()), output, "{words:?}");
        }
    }

    #[test]
    fn clean_yaml_is_block_style() {
        assert_eq!(to_yaml(&json!({"a": ["x", 1], "b": {"c": true}})), "a:\n- x\n- 1\nb:\n  c: true\n");
    }

    /// Ordinary text and a good share of what must not survive.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[a-z\\x00-\\x1f\\x7f-\\x9f\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2028}\u{2029}\u{feff}\u{e0001}-\u{e007f}]{0,8}",
        ]
    }

    proptest! {
        #[test]
        fn json_round_trips_without_hostile_text(map in prop::collection::btree_map(text(), text(), 0..4)) {
            let json = to_json(&map);
            prop_assert!(clean(&json));
            prop_assert_eq!(serde_json::from_str::<std::collections::BTreeMap<String, String>>(&json).unwrap(), map);
        }

        #[test]
        fn yaml_round_trips_without_hostile_text(map in prop::collection::btree_map(text(), text(), 0..4)) {
            let yaml = to_yaml(&map);
            prop_assert!(clean(&yaml));
            prop_assert_eq!(serde_saphyr::from_str::<std::collections::BTreeMap<String, String>>(&yaml).unwrap(), map, "{}", yaml);
        }
    }
}
