//! Sentences of the kubelet, the scheduler and registries, made fit to be shown: one line, and no credentials in it.

use crate::image_ref::is_digest;

/// One line without a final period. Credentials that registries and clients leak into their errors are taken out.
pub fn clean(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = without_account(&words.join(" "));
    let mut out = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some(end) = rest.find(is_delimiter) {
        let delimiter = rest[end..].chars().next().map_or(1, char::len_utf8);
        out.push_str(&without_login(&rest[..end]));
        out.push_str(&rest[end..end + delimiter]);
        rest = &rest[end + delimiter..];
    }
    out.push_str(&without_login(rest));
    out.trim_end_matches('.').to_owned()
}

fn is_delimiter(c: char) -> bool {
    // Not `,` or `;`: a password may hold them as they are (RFC 3986, sub-delims).
    matches!(c, ' ' | '"' | '\'' | '`' | '<' | '>')
}

/// `https://user:pass@host/path` and `user:pass@host` lose their login; `image:tag@sha256:…` and a mail address keep all.
fn without_login(word: &str) -> String {
    let (scheme, rest) = word.split_at(word.find("://").map_or(0, |at| at + 3));
    let Some(at) = login_end(rest) else { return word.to_owned() };
    let login = &rest[..at];
    let is_login = !scheme.is_empty() || login.contains(':');
    if is_login { format!("{scheme}{}", &rest[at + 1..]) } else { word.to_owned() }
}

/// Of what is before the path, or of all of it if that has a password with a slash in it (no port is a word).
fn login_end(rest: &str) -> Option<usize> {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let has_port =
        |host: &str| host.split_once(':').is_none_or(|(_, port)| port.chars().all(|c| c.is_ascii_digit()));
    let part = if host.contains('@') || has_port(host) { host } else { rest };
    part.rmatch_indices('@').map(|(at, _)| at).find(|at| !is_digest(&rest[at + 1..]))
}

/// Docker Hub names the account, and with some clients its token, in its rate limit error.
fn without_account(line: &str) -> String {
    const LIMIT: &str = "You have reached your pull rate limit";
    match line.find(&format!("{LIMIT} as ")) {
        Some(at) => line[..at + LIMIT.len()].to_owned(),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn logins_go_and_everything_else_stays() {
        let cases = [
            (
                r#"Head "https://bob:s3cret@reg.example.com/v2/": denied"#,
                r#"Head "https://reg.example.com/v2/": denied"#,
            ),
            (
                "get https://tok3n@reg.example.com:5000/v2/ failed",
                "get https://reg.example.com:5000/v2/ failed",
            ),
            ("https://bob:s3/cret@reg.example.com/v2", "https://reg.example.com/v2"),
            ("https://bob:a,b;c@reg.example.com/v2", "https://reg.example.com/v2"),
            ("https://bob:p@ss@reg.example.com/v2", "https://reg.example.com/v2"),
            ("bob:s3cret@reg.example.com/app: denied", "reg.example.com/app: denied"),
            (
                "pull reg.example.com/app:1.2@sha256:0a1b failed",
                "pull reg.example.com/app:1.2@sha256:0a1b failed",
            ),
            ("reg:5000/app:1@sha256:0a1b", "reg:5000/app:1@sha256:0a1b"),
            ("https://reg.example.com:5000/app@team/x", "https://reg.example.com:5000/app@team/x"),
            ("ask ops@example.com", "ask ops@example.com"),
            ("dial tcp 10.0.0.1:443: connect: refused", "dial tcp 10.0.0.1:443: connect: refused"),
            (
                "toomanyrequests: You have reached your pull rate limit as 'bob': dckr_jti_abc. You may increase",
                "toomanyrequests: You have reached your pull rate limit",
            ),
            ("two\n lines\tare one.", "two lines are one"),
            ("", ""),
        ];
        for (message, shown) in cases {
            assert_eq!(clean(message), shown);
        }
    }

    proptest! {
        #[test]
        fn no_login_of_a_url_survives(
            before in ".*", user in "[a-z0-9]{1,8}", password in "[A-Za-z0-9:@/%,;$&=+]{1,12}", host in "[a-z]{3,8}",
        ) {
            let secret = format!("zz{password}zz");
            let shown = clean(&format!("{before} \"https://{user}:{secret}@{host}.io/v2/\""));
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }

        #[test]
        fn cleaning_never_panics_and_gives_one_line(text in any::<String>()) {
            prop_assert!(!clean(&text).contains(['\n', '\r', '\t']));
        }
    }
}
