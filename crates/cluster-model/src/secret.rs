//! Does this look like a secret? Guesses, and on the safe side: a value that is hidden for nothing costs a `--show-values`,
//! one that is shown is in the scrollback and in the CI log for good.

pub mod log;
mod message;

use std::sync::LazyLock;

pub use message::clean;

use crate::image_ref::is_digest;

/// A name with one of these among its words names a secret: `API_KEY`, `tls.cert`, `dbAuth`.
const WORDS: &[&str] = &[
    "auth",
    "authorization",
    "bearer",
    "cert",
    "certificate",
    "certificates",
    "certs",
    "cookie",
    "cred",
    "creds",
    "dsn",
    "jwt",
    "key",
    "keys",
    "pass",
    "pem",
    "private",
    "pw",
    "pwd",
    "salt",
];

/// A name with one of these anywhere in it does too: `PGPASSWORD`, `clientSecret`, `CONNECTION_STRING`.
const PARTS: &[&str] = &[
    "accesskey",
    "apikey",
    "connectionstring",
    "connstr",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "signature",
    "token",
];

/// Beginnings of tokens that their issuers chose so that they can be found.
const ISSUED: &[&str] = &[
    "AKIA",
    "ASIA",
    "AIza",
    "dckr_pat_",
    "dop_v1_",
    "eyJ",
    "ghp_",
    "gho_",
    "ghr_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "glrt-",
    "hvb.",
    "hvs.",
    "npm_",
    "pypi-",
    "rk_live_",
    "shpat_",
    "sk-",
    "sk_live_",
    "sk_test_",
    "SG.",
    "xoxa-",
    "xoxb-",
    "xoxp-",
    "xoxs-",
    "ya29.",
];

/// Beginnings of URLs that are credentials by themselves: anyone with the whole URL may post there.
const WEBHOOKS: &[&str] = &[
    "hooks.slack.com/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    "webhook.office.com/webhookb2/",
    "chat.googleapis.com/v1/spaces/",
    "hooks.zapier.com/hooks/",
    "api.telegram.org/bot",
];

/// What a sentence about a secret ends with, and is no secret.
const ADJECTIVES: &[&str] = &[
    "absent",
    "correct",
    "empty",
    "incorrect",
    "invalid",
    "long",
    "missing",
    "ok",
    "set",
    "short",
    "stale",
    "unknown",
    "unset",
    "valid",
    "weak",
    "wrong",
];

/// Names of values that are long and random and no secret.
const FINGERPRINTS: &[&str] = &[
    "build", "checksum", "commit", "digest", "etag", "hash", "revision", "sha", "sha1", "sha256", "version",
];

/// Where files are that a name like `TLS_KEY_FILE` points to.
static FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
    ["etc", "home", "mnt", "opt", "root", "run", "secrets", "srv", "tmp", "usr", "var", "vault"]
        .iter()
        .map(|top| format!("/{top}/"))
        .collect()
});

/// Should this value, which goes by this name, be hidden?
pub fn named(name: &str, value: &str) -> bool {
    if is_harmless(name, value) {
        return false;
    }
    is_name(name) || is_marked(value) || (is_opaque(value) && !is_fingerprint(name))
}

/// Should this text, which has no name of its own, be hidden?
pub fn text(value: &str) -> bool {
    is_marked(value) || is_opaque(value)
}

/// Does the name sound like a secret's?
pub fn is_name(name: &str) -> bool {
    // `cert-manager.io/inject`: whose annotation it is does not matter.
    let name = name.rsplit('/').next().unwrap_or(name);
    let words = words(name);
    let public = words.iter().any(|w| w == "public");
    let joined = words.concat();
    PARTS.iter().any(|part| joined.contains(part))
        || words.iter().any(|w| {
            WORDS.contains(&w.as_str()) && !(public && (w.starts_with("key") || w.starts_with("cert")))
        })
}

/// `dbAuth-Key_2` → db, auth, key, 2.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.retain(|w| !w.is_empty());
    words
}

fn is_fingerprint(name: &str) -> bool {
    words(name).iter().any(|w| FINGERPRINTS.contains(&w.as_str()))
}

/// Values that give nothing away whatever they are called.
fn is_harmless(name: &str, value: &str) -> bool {
    let plain = value.trim();
    // Stars stand for what was hidden before.
    if plain.bytes().all(|b| b == b'*')
        || matches!(
            plain.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "null" | "enabled" | "disabled"
        )
    {
        return true;
    }
    // A mere pointer to the secret: another variable, or a file.
    let points = words(name).iter().any(|w| matches!(w.as_str(), "file" | "path" | "dir" | "directory"));
    let is_path = plain.starts_with('/') && !plain.contains(char::is_whitespace) && !is_marked(plain);
    if is_path && (points || FILES.iter().any(|top| plain.starts_with(top.as_str()))) {
        return true;
    }
    // `checksum/secret: 5f6d…`, which Helm charts use to restart pods.
    let checksum = name.starts_with("checksum/") && plain.bytes().all(|b| b.is_ascii_hexdigit());
    checksum || only_references(plain)
}

/// Nothing but `$(OTHER)`, `${OTHER}` and `$OTHER`.
fn only_references(value: &str) -> bool {
    let mut rest = value;
    while let Some(after) = rest.strip_prefix('$') {
        let end = match after.chars().next() {
            Some('(') => after.find(')').map(|end| end + 1),
            Some('{') => after.find('}').map(|end| end + 1),
            _ => after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').or(Some(after.len())),
        };
        match end {
            Some(end) if end > 0 => rest = &after[end..],
            _ => return false,
        }
    }
    rest.is_empty() && !value.is_empty()
}

/// A secret by its form: PEM, a URL with a password, a token of a known issuer, `password=…`.
fn is_marked(value: &str) -> bool {
    if value.contains("-----BEGIN") || value.split_whitespace().any(has_password) {
        return true;
    }
    let tokens: Vec<&str> = value
        .split(|c: char| c.is_whitespace() || "\"'`;,|&<>{}[]".contains(c))
        .filter(|t| !t.is_empty())
        .collect();
    if tokens.iter().any(|token| is_issued(token) || is_assigned(token) || is_webhook(token))
        || has_short_password(&tokens)
        || is_in_a_sentence(&tokens)
    {
        return true;
    }
    // `Authorization: Bearer x`, `"password": "x"`: a name, a separator, the value. Without a separator it is prose.
    let is_separator = |token: &str| token.chars().all(|c| matches!(c, ':' | '='));
    let words: Vec<&str> = tokens.iter().copied().filter(|t| !is_separator(t)).collect();
    let separated = |name: &str| {
        name.ends_with([':', '='])
            || tokens.windows(2).any(|pair| pair[0] == name && pair[1].starts_with([':', '=']))
    };
    words.windows(2).any(|pair| {
        let scheme = pair[0].eq_ignore_ascii_case("bearer") || is_basic(pair[0], pair[1]);
        let name = pair[0].trim_end_matches([':', '=']);
        (scheme || (is_name(name) && separated(pair[0])))
            && !is_harmless(name, pair[1].trim_start_matches([':', '=']))
    })
}

/// `Basic c2hvcDpw`, and not `a basic check failed`.
fn is_basic(scheme: &str, value: &str) -> bool {
    scheme.eq_ignore_ascii_case("basic")
        && value.bytes().any(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'=')
}

fn is_issued(token: &str) -> bool {
    ISSUED.iter().any(|issuer| token.starts_with(issuer) && token.len() >= issuer.len() + 12)
}

fn is_webhook(token: &str) -> bool {
    let has_path = |host: &&str| token.split_once(host).is_some_and(|(_, path)| !path.is_empty());
    token.contains("://") && WEBHOOKS.iter().any(has_path)
}

/// `mysql -pPASSWORD`: flag and value in one word. Elsewhere `-p` takes ports and paths, and single-dash flags like `-prefix` begin so.
fn has_short_password(tokens: &[&str]) -> bool {
    let client = |token: &&str| token.rsplit('/').next().is_some_and(|program| program.starts_with("mysql"));
    let known = tokens.iter().any(|token| client(token) || token.contains("mariadb"));
    tokens.iter().filter_map(|token| token.strip_prefix("-p")).any(|value| {
        let is_number = value.bytes().all(|b| b.is_ascii_digit() || b":./-".contains(&b));
        let is_flag = value.contains('=') || value.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let is_path = value.starts_with(['/', '.']);
        !value.is_empty()
            && !is_harmless("", value)
            && (known || !(value.len() < 4 || is_number || is_flag || is_path))
    })
}

/// `password is X`, and not `the password is wrong`.
fn is_in_a_sentence(tokens: &[&str]) -> bool {
    tokens.windows(3).enumerate().any(|(at, words)| {
        let [name, verb, value] = words else { return false };
        let ends = at + 3 == tokens.len();
        is_name(name) && is_verb(verb) && !is_harmless(name, value) && is_value(verb, value, ends)
    })
}

fn is_verb(word: &str) -> bool {
    matches!(word.trim_end_matches([':', '=']).to_ascii_lowercase().as_str(), "is" | "was")
}

/// Is what stands behind `password is` its value, or does the sentence go on? `ends`: it is the last word.
fn is_value(verb: &str, value: &str, ends: bool) -> bool {
    let plain = value.trim_matches(['"', '\'', '.', ',', '!', '?', ';', '(', ')']);
    let is_word = plain.bytes().all(|b| b.is_ascii_lowercase());
    let goes_on = is_word && (!ends || plain.ends_with("ed") || ADJECTIVES.contains(&plain));
    let is_quoted = value.starts_with(['"', '\'']);
    !plain.is_empty() && (is_quoted || verb.ends_with([':', '=']) || !goes_on)
}

/// `--password=x`, `PASSWORD=x`, `password:x`
fn is_assigned(token: &str) -> bool {
    token
        .split_once(['=', ':'])
        .is_some_and(|(name, value)| is_name(name) && !value.is_empty() && !is_harmless(name, value))
}

/// `scheme://user:password@host`, `user:password@tcp(host)/db`.
fn has_password(word: &str) -> bool {
    let authority = word.split_once("://").map_or(word, |(_, rest)| rest);
    let Some((before, after)) = authority.split_once('@') else { return false };
    let Some((user, password)) = before.split_once(':') else { return false };
    // `shop:1.5@sha256:…` is an image.
    !is_digest(after) && !user.contains('/') && !password.is_empty() && !only_references(password)
}

/// Long and random: an unbroken run that no word has.
fn is_opaque(value: &str) -> bool {
    value
        .split(|c: char| c.is_whitespace() || "\"'`;,|&<>{}[]()=@".contains(c))
        .filter(|token| !is_hex_digest(token))
        .any(|token| is_base64(token) || token.split(|c: char| !c.is_ascii_alphanumeric()).any(is_random))
}

/// `sha256:…`, as an image has it; it may be shortened.
fn is_hex_digest(token: &str) -> bool {
    let token = token.trim_end_matches(['.', ':', '!', '?']);
    is_digest(token) && token.split_once(':').is_some_and(|(_, hex)| is_hex(hex))
}

/// The name of a commit, as git prints it.
fn is_commit(run: &str) -> bool {
    run.len() == 40 && is_hex(run)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Base64 may have slashes in it, as paths do; but paths are seldom that wild.
fn is_base64(token: &str) -> bool {
    let bytes = token.as_bytes();
    let kind = |b: u8| (b.is_ascii_uppercase(), b.is_ascii_lowercase(), b.is_ascii_digit());
    bytes.len() >= 32
        && !token.starts_with('/')
        && !token.split('/').any(is_commit)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
        && bytes.iter().any(u8::is_ascii_digit)
        && bytes.windows(2).filter(|w| kind(w[0]) != kind(w[1])).count() >= 12
}

fn is_random(run: &str) -> bool {
    if run.len() < 20 || is_commit(run) {
        return false;
    }
    let has = |is: fn(&u8) -> bool| run.bytes().any(|b| is(&b));
    let (upper, lower, digit) =
        (has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase), has(u8::is_ascii_digit));
    if !digit || !(upper || lower) {
        return false;
    }
    if (upper && lower) || (run.len() >= 32 && run.bytes().all(|b| b.is_ascii_hexdigit())) {
        return true;
    }
    // One case and digits: random when they alternate, as in `kx93jf0a2lq8z7w5n1c4v6b2`.
    let bytes = run.as_bytes();
    let turns = bytes.windows(2).filter(|w| w[0].is_ascii_digit() != w[1].is_ascii_digit()).count();
    run.len() >= 24 && turns >= 6
}

#[cfg(test)]
mod tests;
