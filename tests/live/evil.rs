//! Text that a terminal would obey, and the proof that none of it was let through and none of it was lost.

use serde_json::Value;

use crate::plugin::{Outcome, Run};

/// Colour, clipboard, bell, 8-bit CSI, right-to-left, zero width, a forged line, a tag character, line separator, DEL.
pub const EVIL: &str =
    "\u{1b}[31m\u{1b}]52;c;ZXZpbA==\u{7}\u{9b}2J\u{202e}\u{200b}\r\nerror: forged\u{e0041}\u{2028}\u{7f}";

/// Written down anew rather than taken from the code under test.
fn obeyed(c: char) -> bool {
    let code = u32::from(c);
    let control = code < 0x20 || (0x7f..0xa0).contains(&code);
    let bidi = matches!(code, 0x061c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069);
    let unseen = matches!(code, 0x00ad | 0x200b..=0x200d | 0x2028 | 0x2029 | 0x2060..=0x2064 | 0xfeff);
    let tag = (0xe0000..=0xe007f).contains(&code);
    c != '\n' && (control || bidi || unseen || tag)
}

#[track_caller]
pub fn assert_clean(outcome: &Outcome) {
    for (stream, text) in [("stdout", &outcome.out), ("stderr", &outcome.err)] {
        // The pipes are read as UTF-8; what is not would have ended the reading early.
        assert!(!text.contains('\u{fffd}'), "{stream} is not UTF-8: {text:?}");
        let found: Vec<char> = text.chars().filter(|c| obeyed(*c)).collect();
        assert!(found.is_empty(), "{found:?} on {stream}:\n{text:?}");
        assert!(
            !text.lines().any(|line| line.starts_with("error: forged")),
            "a forged line on {stream}:\n{text}"
        );
    }
}

pub fn mentions(value: &Value, text: &str) -> bool {
    match value {
        Value::String(string) => string.contains(text),
        Value::Array(items) => items.iter().any(|item| mentions(item, text)),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains(text) || mentions(value, text))
        }
        _ => false,
    }
}

/// The same document, but for its times, and for how many nodes of the other tests in this cluster there were just then.
fn comparable(mut report: Value) -> Value {
    report["startedAt"] = Value::Null;
    report["finishedAt"] = Value::Null;
    for pod in report["nodes"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .flat_map(|node| node["pods"].as_array_mut())
        .flatten()
    {
        if let Some(placement) = pod.get_mut("placement") {
            *placement = Value::Null;
        }
    }
    report["findings"]
        .as_array_mut()
        .into_iter()
        .for_each(|all| all.retain(|it| !mentions(&it["id"], "room")));
    report
}

/// Every output format of a plan: none contains a control sequence, and the structured ones keep the text.
#[track_caller]
pub fn look_in_every_way<'r>(plan: impl Fn(&[&str]) -> Run<'r>) -> Value {
    let run = |more: &[&str]| {
        let outcome = plan(more).run();
        assert_clean(&outcome);
        outcome
    };
    for output in ["text", "wide"] {
        let outcome = run(&["-o", output]);
        assert!(outcome.out.contains("\\u{1b}[31m"), "the text is not shown at all:\n{outcome}");
    }
    let report = run(&["-o", "json"]).report();
    assert!(mentions(&report, EVIL), "JSON has lost the text:\n{report:#}");
    let yaml = run(&["-o", "yaml"]);
    let read: Value = serde_saphyr::from_str(&yaml.out).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    assert_eq!(comparable(read), comparable(report.clone()), "YAML says something else than JSON");
    report
}

/// JSON in ASCII, with everything else spelled out.
pub fn ascii(json: &str) -> String {
    let mut units = [0; 2];
    let spell = |unit: &u16| format!("\\u{unit:04x}");
    let parts = json.chars().map(|c| match c {
        ' '..='~' => c.to_string(),
        c => c.encode_utf16(&mut units).iter().map(spell).collect(),
    });
    parts.collect()
}
