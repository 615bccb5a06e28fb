//! How old a dump is, in words.

use cluster_model::text::span;
use k8s_openapi::jiff::Timestamp;

/// `taken 5m ago`; `what` is how it came to be, as in `taken` or `written`.
pub fn age(at: Option<Timestamp>, what: &str, now: Timestamp) -> String {
    let Some(at) = at else { return "time unknown".to_owned() };
    match now.as_second() - at.as_second() {
        // Clocks differ a little.
        ..-60 => format!("{what} at {at}, which is in the future"),
        since => format!("{what} {} ago", span(since.max(0))),
    }
}
