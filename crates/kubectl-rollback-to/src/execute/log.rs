//! The last lines of a container that crashed: once, as far as they can be had, without what may be a credential.

use cluster_model::text::shorten;
use http::Method;
use kube::client::Body;
use plugin_client::Cluster;

use super::wire;

const LINES: usize = 10;
const COLUMNS: usize = 300;
/// Ten lines can be long.
const BYTES: usize = 64 * 1024;

/// Nothing when there is none, or no right to read it.
pub async fn tail(cluster: &Cluster, namespace: &str, pod: &str, container: &str) -> Vec<String> {
    // What ran before tells why it ended; a container that never restarted has nothing before.
    for previous in ["previous=true&", ""] {
        let container = wire::query(container);
        let path = wire::path(wire::CORE, namespace, "pods", pod);
        let uri = format!("{path}/log?{previous}container={container}&tailLines={LINES}&limitBytes={BYTES}");
        if let Some(text) = read(cluster, &uri).await
            && !text.trim().is_empty()
        {
            return lines(&text);
        }
    }
    Vec::new()
}

async fn read(cluster: &Cluster, uri: &str) -> Option<String> {
    let request = http::Request::builder().method(Method::GET).uri(uri).body(Body::empty()).ok()?;
    let answer = cluster.client.send(request).await.ok().filter(|answer| answer.status().is_success())?;
    let bytes = answer.into_body().collect_bytes().await.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Pure.
fn lines(text: &str) -> Vec<String> {
    let all: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let last = &all[all.len().saturating_sub(LINES)..];
    last.iter().map(|line| shorten(&without_credentials(line), COLUMNS)).collect()
}

const HIDDEN: &str = "***";
/// A word that holds one of these names a secret.
const NAMES: [&str; 9] =
    ["password", "passwd", "secret", "token", "apikey", "api_key", "api-key", "credential", "authorization"];

/// What the words so far say about the next.
#[derive(Clone, Copy, PartialEq)]
enum Expect {
    Anything,
    /// A secret was named: a sign may follow, and then its value.
    Sign,
    Value,
    /// Within a value in these quotes.
    End(char),
}

/// `https://user:pass@host`, `password=x`, `"token": "x"`, `Bearer x`: what they hold is no help to anybody. Rather too much is
/// left out than too little. Pure.
fn without_credentials(line: &str) -> String {
    let mut out = Vec::new();
    let mut expect = Expect::Anything;
    for word in line.split(' ') {
        let lower = word.to_ascii_lowercase();
        let scheme = match lower.trim_matches(['"', '\'']) {
            "bearer" => true,
            // An everyday word elsewhere.
            "basic" => expect == Expect::Value,
            _ => false,
        };
        expect = match expect {
            Expect::End(quote) => {
                if word.contains(quote) {
                    Expect::Anything
                } else {
                    expect
                }
            }
            _ if scheme => {
                out.push(word.to_owned());
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
            Expect::Sign | Expect::Anything => {
                let (shown, next) = named(word, &lower);
                out.push(shown);
                next
            }
        };
    }
    out.join(" ")
}

/// A word by itself, and what it says about the next.
fn named(word: &str, lower: &str) -> (String, Expect) {
    let Some(name) = NAMES.iter().filter_map(|name| lower.find(name)).min() else {
        return (without_userinfo(word), Expect::Anything);
    };
    let Some(sign) = word[name..].find(['=', ':']).map(|at| name + at) else {
        return (word.to_owned(), Expect::Sign);
    };
    let (name, value) = word.split_at(sign + 1);
    match value.trim_matches(['"', '\'']) {
        "" if value.len() < 2 => {
            (word.to_owned(), if value.is_empty() { Expect::Value } else { after_value(value) })
        }
        "bearer" | "basic" | "Bearer" | "Basic" => (word.to_owned(), Expect::Value),
        _ => (format!("{name}{HIDDEN}"), after_value(value)),
    }
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

    #[test]
    fn credentials_are_left_out() {
        let cases = [
            ("connected to db:5432", "connected to db:5432"),
            ("dial https://bob:hunter2@db.shop/x?y failed", "dial https://***@db.shop/x?y failed"),
            ("postgres://bob@db/x", "postgres://***@db/x"),
            ("GET http://db/a@b 404", "GET http://db/a@b 404"),
            ("DB_PASSWORD=hunter2 port=1", "DB_PASSWORD=*** port=1"),
            ("{\"token\":\"abc\",\"x\":1}", "{\"token\":***"),
            ("\"apiKey\": \"abc\", \"x\": 1", "\"apiKey\": *** \"x\": 1"),
            ("Authorization: Bearer abc.def tail", "Authorization: Bearer *** tail"),
            ("authorization=Basic abc tail", "authorization=Basic *** tail"),
            ("the token is wrong", "the token is wrong"),
            ("sent Bearer abc.def", "sent Bearer ***"),
            ("a basic check failed", "a basic check failed"),
            ("password = hunter2", "password = ***"),
            ("password=\"two words\" tail", "password=*** tail"),
            ("secret: 'two words' tail", "secret: *** tail"),
            ("secret: \" spaced\" tail", "secret: *** tail"),
            ("password=", "password="),
            ("token expired: retry", "token expired: retry"),
        ];
        for (line, expected) in cases {
            assert_eq!(without_credentials(line), expected);
        }
    }

    #[test]
    fn the_last_ten_lines_in_short() {
        let text: String = (1..=12).map(|n| format!("line {n}\n\n")).collect();
        let last = lines(&text);
        assert_eq!((last.len(), last[0].as_str(), last[9].as_str()), (10, "line 3", "line 12"));
        let long = lines(&format!("\u{1b}[31m{}", "x".repeat(1000)));
        assert_eq!(long[0].chars().count(), 300);
        assert!(long[0].starts_with("\\u{1b}[31m"));
        assert!(lines("").is_empty());
    }
}
