//! Lines of a log without what may be secret: the same rule as for values of a template, word by word, so that the rest can be read.
//! Pure.

use super::{is_basic, is_harmless, is_name, is_value, is_verb, named, text};

const HIDDEN: &str = "***";

/// One for each line. Rather too much is left out than too little: what the rule would hide as a value is never among them.
pub fn redacted(lines: &[&str]) -> Vec<String> {
    let key = keys(lines);
    lines.iter().zip(key).map(|(line, is_key)| if is_key { HIDDEN.to_owned() } else { one(line) }).collect()
}

/// Which lines belong to a block in PEM. It may have begun before the first line, or go on behind the last.
fn keys(lines: &[&str]) -> Vec<bool> {
    let mut is_key = vec![false; lines.len()];
    let mut began = None;
    for (at, line) in lines.iter().enumerate() {
        if began.is_none() && line.contains("-----BEGIN ") {
            began = Some(at);
        }
        if line.contains("-----END ") {
            let all_before =
                || lines[..at].iter().rposition(|line| line.trim().contains(' ')).map_or(0, |at| at + 1);
            let from = began.take().unwrap_or_else(all_before);
            is_key[from..=at].fill(true);
        }
    }
    if let Some(from) = began {
        is_key[from..].fill(true);
    }
    is_key
}

fn one(line: &str) -> String {
    let words = words(line);
    // The rule looks across words as well: what it still finds is not worth the risk.
    if text(&words) { HIDDEN.to_owned() } else { words }
}

/// What the words so far announce of the next.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Anything,
    /// A secret was named: a sign may follow, and then its value.
    Sign,
    Value,
    /// Within a value in these quotes.
    End(char),
}

fn words(line: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut expect = Expect::Anything;
    let all: Vec<&str> = line.split(' ').collect();
    for (at, word) in all.iter().copied().enumerate() {
        let next = all.get(at + 1).copied().unwrap_or_default();
        let bare = word.trim_matches(['"', '\'']);
        let scheme = bare.eq_ignore_ascii_case("bearer")
            || is_basic(bare, next)
            || (expect == Expect::Value && bare.eq_ignore_ascii_case("basic"));
        expect = match expect {
            Expect::End(quote) if word.contains(quote) => Expect::Anything,
            Expect::End(_) => expect,
            _ if scheme => {
                out.push(if expect == Expect::Value { HIDDEN } else { word }.to_owned());
                Expect::Value
            }
            Expect::Value if word.is_empty() => Expect::Value,
            Expect::Value => {
                out.push(HIDDEN.to_owned());
                after_value(word)
            }
            Expect::Sign if matches!(word, "=" | ":") => {
                out.push(word.to_owned());
                Expect::Value
            }
            Expect::Sign if is_verb(word) => {
                let value = next.trim_matches(['"', '\'']);
                let ends = all.len() == at + 2;
                out.push(word.to_owned());
                match is_value(word, next, ends) && !is_harmless("", value) {
                    true => Expect::Value,
                    false => Expect::Anything,
                }
            }
            Expect::Sign | Expect::Anything => {
                let (shown, next) = by_itself(word);
                out.push(shown);
                next
            }
        };
    }
    out.join(" ")
}

/// A word, and what it announces of the next.
fn by_itself(word: &str) -> (String, Expect) {
    for (at, _) in word.match_indices(['=', ':']) {
        let (before, value) = (&word[..at], &word[at + 1..]);
        let name = before.trim_end_matches(['"', '\'']).rsplit(|c| "\"'`;,|&?<>{}[]()".contains(c)).next();
        if !name.is_some_and(is_name) {
            continue;
        }
        let (name, bare) = (name.unwrap_or_default(), value.trim_matches(['"', '\'']));
        if value.is_empty() {
            return (word.to_owned(), Expect::Value);
        }
        if bare.is_empty() && value.len() < 2 {
            return (word.to_owned(), after_value(value));
        }
        if ["bearer", "basic"].iter().any(|scheme| bare.eq_ignore_ascii_case(scheme)) {
            return (format!("{}{HIDDEN}", &word[..=at]), Expect::Value);
        }
        if named(name, bare) {
            return (format!("{}{HIDDEN}", &word[..=at]), after_value(value));
        }
    }
    let shown = without_userinfo(word);
    let expect = if is_name(word.trim_matches(['"', '\''])) { Expect::Sign } else { Expect::Anything };
    (if text(&shown) { HIDDEN.to_owned() } else { shown }, expect)
}

/// A value in quotes may go on behind a space.
fn after_value(value: &str) -> Expect {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) if !value[1..].contains(quote) => Expect::End(quote),
        _ => Expect::Anything,
    }
}

fn without_userinfo(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let host = rest.find(['/', '?', '#', '"', '\'']).unwrap_or(rest.len());
    match rest[..host].rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}{}", &rest[at..]),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn credentials_are_left_out_and_the_rest_can_be_read() {
        for (line, expected) in [
            ("connected to db:5432", "connected to db:5432"),
            ("dial https://bob:hunter2@db.shop/x?y failed", "dial https://***@db.shop/x?y failed"),
            ("postgres://bob@db/x", "postgres://***@db/x"),
            ("GET http://db/a@b 404", "GET http://db/a@b 404"),
            ("GET http://db/?page=2&token=abc 404", "GET http://db/?page=2&token=*** 404"),
            ("DB_PASSWORD=hunter2 port=1", "DB_PASSWORD=*** port=1"),
            ("user=bob pwd=hunter2 port=1", "user=bob pwd=*** port=1"),
            ("a=1,pwd=hunter2", "a=1,pwd=***"),
            ("{\"token\":\"abc\",\"x\":1}", "{\"token\":***"),
            ("\"apiKey\": \"abc\", \"x\": 1", "\"apiKey\": *** \"x\": 1"),
            ("Authorization: Bearer abc.def tail", "Authorization: *** *** tail"),
            ("authorization=Basic abc tail", "authorization=*** *** tail"),
            ("sent Basic c2hvcDpodW50ZXIy", "sent Basic ***"),
            ("the token is wrong", "the token is wrong"),
            ("admin password is Xk4-9z, change it", "admin password is *** change it"),
            ("the password was: swordfish", "the password was: ***"),
            ("password is swordfish", "password is ***"),
            ("password is 'two words' tail", "password is *** tail"),
            ("the token is in the vault", "the token is in the vault"),
            ("the token was rotated", "the token was rotated"),
            ("mysql -uroot -pswordfish shop failed", "***"),
            ("run with -phunter2 failed", "run with *** failed"),
            ("listen with -port 8080", "listen with -port 8080"),
            ("posted to https://hooks.slack.com/services/T0/B0/x1 and failed", "posted to *** and failed"),
            ("sent Bearer abc.def", "sent Bearer ***"),
            ("a basic check failed", "a basic check failed"),
            ("password = hunter2", "password = ***"),
            ("password=\"two words\" tail", "password=*** tail"),
            ("secret: 'two words' tail", "secret: *** tail"),
            ("secret: \" spaced\" tail", "secret: *** tail"),
            ("password=", "password="),
            ("password=none", "password=none"),
            ("token expired: retry", "token expired: retry"),
            ("key AKIAIOSFODNN7EXAMPLE is not known", "key *** is not known"),
            ("pushed with ghp_0123456789abcdefghijABCDEFGHIJ012345", "pushed with ***"),
            ("panic at main.go:42 in shop/cart", "panic at main.go:42 in shop/cart"),
            (
                "image shop:1.5@sha256:0123456789abcdef0123456789abcdef",
                "image shop:1.5@sha256:0123456789abcdef0123456789abcdef",
            ),
        ] {
            assert_eq!(redacted(&[line]), [expected], "{line}");
        }
    }

    #[test]
    fn a_private_key_is_left_out_wherever_the_log_is_cut() {
        let all = [
            "read key",
            "-----BEGIN RSA PRIVATE KEY-----",
            "MIIEow",
            "x8A=",
            "-----END RSA PRIVATE KEY-----",
            "and failed",
        ];
        let shown =
            |lines: &[&str]| redacted(lines).into_iter().filter(|line| line != HIDDEN).collect::<Vec<_>>();
        assert_eq!(shown(&all), ["read key", "and failed"]);
        assert_eq!(shown(&all[2..]), ["and failed"], "it began before");
        assert_eq!(shown(&all[..3]), ["read key"], "it goes on");
        let one = r"key=-----BEGIN KEY-----\nMIIEow\n-----END KEY----- read";
        assert_eq!(shown(&[one, "and failed"]), ["and failed"]);
    }

    /// Words of a log, secrets among them.
    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{1,8}",
            "(password|pwd|DB_TOKEN|auth|key|Bearer|Basic|user)[=:]?",
            "[=:\"'{},]",
            "(pwd|token|x)=[\"']?[a-zA-Z0-9]{1,12}[\"']?",
            "(AKIA|ghp_|xoxb-|eyJ)[A-Z0-9]{16,24}",
            "https://[a-z]{1,4}:[a-z0-9]{1,8}@[a-z]{1,6}/[a-z]{0,3}",
            "[a-zA-Z0-9+/]{30,44}",
            "-----(BEGIN|END) KEY-----",
        ]
    }

    proptest! {
        /// One rule: whatever a difference would hide is in no line of a log.
        #[test]
        fn what_a_difference_hides_no_log_shows(lines in prop::collection::vec(prop::collection::vec(word(), 0..8), 0..5)) {
            let lines: Vec<String> = lines.iter().map(|words| words.join(" ")).collect();
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let shown = redacted(&lines);
            prop_assert_eq!(shown.len(), lines.len());
            for line in &shown {
                prop_assert!(!text(line), "{:?} from {:?}", line, lines);
            }
            let again: Vec<&str> = shown.iter().map(String::as_str).collect();
            for line in redacted(&again) {
                prop_assert!(!text(&line));
            }
        }

        #[test]
        fn a_named_or_issued_secret_never_stays(
            before in "[a-z ]{0,12}",
            form in prop::sample::select(vec!["pwd=@", "password: @", "\"token\":\"@\"", "Bearer @", "https://bob:@@db/x", "AKIA@", "ghp_@"]),
            secret in "[A-Z]{4}[0-9]{4}[A-Z]{8}",
        ) {
            let line = format!("{before} {}", form.replacen('@', &secret, 1));
            prop_assert!(!redacted(&[&line])[0].contains(&secret), "{}", line);
        }
    }
}
