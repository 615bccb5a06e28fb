//! How times are written: of what is measured to the second, and of what is measured exactly.

use std::time::Duration;

use cluster_model::text::span;

/// `5s`, `1m30s`; the server's times have whole seconds, so that 0 is less than one.
pub fn seconds(seconds: i64) -> String {
    if seconds < 1 { "<1s".to_owned() } else { span(seconds) }
}

/// `14ms`, `1.2s`, `1m30s`
pub fn exact(duration: Duration) -> String {
    match (duration.as_secs(), duration.as_millis()) {
        (_, 0) => "<1ms".to_owned(),
        (0, millis) => format!("{millis}ms"),
        (seconds @ 60.., _) => span(i64::try_from(seconds).unwrap_or(i64::MAX)),
        _ => format!("{:.1}s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_times_are_not_zero() {
        for (millis, text) in
            [(0, "<1ms"), (14, "14ms"), (999, "999ms"), (1000, "1.0s"), (1240, "1.2s"), (90_000, "1m30s")]
        {
            assert_eq!(exact(Duration::from_millis(millis)), text);
        }
        assert_eq!([0, 1, 90].map(seconds), ["<1s", "1s", "1m30s"]);
    }
}
