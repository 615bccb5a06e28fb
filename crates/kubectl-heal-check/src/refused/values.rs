//! What servers take for a name, a label, a port, a quantity or a schedule. Pure.

use cluster_model::cron::Schedule;
use serde_json::Value;

/// ValidatePortNumOrName, of what is given.
pub fn port_or_name(port: &Value) -> bool {
    match port {
        Value::String(name) => is_port_name(name),
        other => other.as_i64().is_none_or(is_port),
    }
}

/// apimachinery/pkg/util/validation/validation.go, IsValidPortName
pub fn is_port_name(name: &str) -> bool {
    let is_inside = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    name.len() <= 15
        && name.bytes().all(is_inside)
        && name.bytes().any(|c| c.is_ascii_lowercase())
        && !name.contains("--")
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// By its form (apimachinery/pkg/api/resource/quantity.go, parseQuantityString): also `1.`, and also without any digit. What is too large
/// is capped there. Null is none.
pub fn is_quantity(value: &Value) -> bool {
    let text = match value {
        Value::String(text) => text.trim(),
        Value::Null | Value::Number(_) => return true,
        _ => return false,
    };
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_digit = |c: char| c.is_ascii_digit();
    let rest = unsigned.trim_start_matches(is_digit);
    let suffix = rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(is_digit));
    let is_known = matches!(
        suffix,
        "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei"
    );
    let exponent = suffix.strip_prefix(['e', 'E']).map(|it| it.strip_prefix(['+', '-']).unwrap_or(it));
    let has_exponent = exponent.is_some_and(|it| !it.is_empty() && it.chars().all(is_digit));
    !text.is_empty() && (is_known || has_exponent)
}

/// pkg/apis/batch/validation/validation.go, validateScheduleFormat. Some servers take a time zone in it, and what durations Go takes is for
/// them to say.
pub fn is_schedule(text: &str) -> bool {
    text.contains("TZ") || text.starts_with("@every ") || Schedule::parse(text).is_some()
}

pub fn is_port(number: i64) -> bool {
    (1..=65535).contains(&number)
}

pub fn is_path_segment(name: &str) -> bool {
    !matches!(name, "." | "..") && !name.contains(['/', '%'])
}

pub fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && is_dns_part(name)
}

/// Its parts may be longer than a label: only the whole is limited.
pub fn is_dns_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_dns_part)
}

fn is_dns_part(name: &str) -> bool {
    let is_inside = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    !name.is_empty() && name.bytes().all(is_inside) && !name.starts_with('-') && !name.ends_with('-')
}

/// `web`, `example.com/web`, and a value of up to 63 characters.
pub fn is_label(key: &str, value: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_subdomain)
        && !name.is_empty()
        && is_label_word(name)
        && (value.is_empty() || is_label_word(value))
}

fn is_label_word(word: &str) -> bool {
    let is_inside = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
    let is_end = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    word.len() <= 63
        && word.bytes().all(is_inside)
        && is_end(word.bytes().next())
        && is_end(word.bytes().last())
}
