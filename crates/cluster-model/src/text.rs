//! Strings that came from a cluster or a file. A terminal obeys escape sequences, so none of them may reach it raw
//! (the class of CVE-2021-25743): names, annotations, messages and even the server's own error texts are hostile until shown otherwise.

use std::borrow::Cow;
use std::fmt::Write;

/// Can this character move the cursor, change colours, hide itself or reorder its neighbours?
pub fn is_hostile(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}'            // C0, newline included: one fact is one line
        | '\u{7f}'..='\u{9f}'         // DEL and C1 (U+009B is a whole CSI introducer)
        | '\u{ad}'                    // soft hyphen
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // bidi
        | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' // zero width
        | '\u{2028}' | '\u{2029}'     // line and paragraph separators
        | '\u{fff9}'..='\u{fffb}'     // interlinear annotation
        | '\u{e0000}'..='\u{e007f}'   // tags
    )
}

/// `text` with every hostile character spelled out, as in `\u{1b}`. Clean text costs nothing.
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hostile(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// At most `max` characters of `text`, sanitized first so that a cut never opens an escape.
pub fn shorten(text: &str, max: usize) -> String {
    let clean = sanitize(text);
    if clean.chars().count() <= max {
        return clean.into_owned();
    }
    clean.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// "1 pod", "2 pods"; the plural is regular for every noun we count.
pub fn count(n: usize, noun: &str) -> String {
    match (n, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{n} {stem}ies"),
        _ => format!("{n} {noun}s"),
    }
}

/// Nobody waits for longer, so beyond it a number says nothing.
pub const YEAR: i64 = 365 * 24 * 3600;

/// `12s`, `1m30s`, `2h5m`: the largest two units, as kubectl writes ages. By hand: jiff prints all units, with spaces between.
pub fn span(seconds: i64) -> String {
    match seconds {
        _ if seconds > YEAR => "more than a year".to_owned(),
        ..60 => format!("{seconds}s"),
        60..3600 if seconds % 60 == 0 => format!("{}m", seconds / 60),
        60..3600 => format!("{}m{}s", seconds / 60, seconds % 60),
        _ if seconds % 3600 < 60 => format!("{}h", seconds / 3600),
        _ => format!("{}h{}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `about 6m`
pub fn about(seconds: i64) -> String {
    if seconds > YEAR { span(seconds) } else { format!("about {}", span(seconds)) }
}

/// `45s`, `90m`, `30h`, `12d`: the largest unit that is at least two, as `kubectl get` shows an age.
pub fn age(seconds: i64) -> String {
    const UNITS: [(i64, char); 3] = [(86400, 'd'), (3600, 'h'), (60, 'm')];
    let unit = UNITS.into_iter().find(|(unit, _)| seconds >= 2 * unit);
    unit.map_or_else(
        || format!("{}s", seconds.max(0)),
        |(unit, letter)| format!("{}{letter}", seconds / unit),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_are_spelled_out() {
        let cases = [
            ("web-1", "web-1"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("osc\u{1b}]52;c;AAAA\u{7}", "osc\\u{1b}]52;c;AAAA\\u{7}"),
            ("c1\u{9b}2J", "c1\\u{9b}2J"),
            ("bidi\u{202e}txt", "bidi\\u{202e}txt"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("line\r\nforged", "line\\r\\nforged"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("süß 日本", "süß 日本"),
        ];
        for (input, expected) in cases {
            assert_eq!(sanitize(input), expected);
        }
    }

    #[test]
    fn shortening_happens_after_escaping() {
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("abcd", 4), "abcd");
        assert_eq!(shorten("\u{1b}\u{1b}", 7), "\\u{1b}…");
    }

    #[test]
    fn plurals() {
        assert_eq!(count(1, "pod"), "1 pod");
        assert_eq!(count(0, "pod"), "0 pods");
        assert_eq!(count(2, "policy"), "2 policies");
    }

    #[test]
    fn spans() {
        let cases = [(0, "0s"), (59, "59s"), (60, "1m"), (90, "1m30s"), (3600, "1h"), (7500, "2h5m")];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text);
        }
        assert_eq!([YEAR, YEAR + 1, i64::MAX].map(span), ["8760h", "more than a year", "more than a year"]);
        assert_eq!([90, i64::MAX].map(about), ["about 1m30s", "more than a year"]);
    }

    #[test]
    fn ages() {
        let cases = [
            (-3, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7199, "119m"),
            (7200, "2h"),
            (172_799, "47h"),
            (172_800, "2d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(age(seconds), text);
        }
    }

    proptest! {
        #[test]
        fn nothing_hostile_survives_and_twice_is_once(text in any::<String>()) {
            let once = sanitize(&text).into_owned();
            prop_assert!(!once.contains(is_hostile));
            prop_assert_eq!(sanitize(&once), once.as_str());
        }
    }
}
