//! A number of pods, absolute or as a share of their total: `intstr.GetScaledValueFromIntOrPercent` (apimachinery/pkg/util/intstr/intstr.go).

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

#[derive(Clone, Copy)]
pub(crate) enum Round {
    Up,
    Down,
}

/// `None`: a text that is no percentage, which the API server does not store in these fields.
pub(crate) fn scaled(rule: &IntOrString, total: i64, round: Round) -> Option<i64> {
    let text = match rule {
        IntOrString::Int(number) => return Some(i64::from(*number)),
        IntOrString::String(text) => text,
    };
    let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
    let parts = total.checked_mul(percent)?;
    Some(match round {
        Round::Up => parts.div_euclid(100) + i64::from(parts.rem_euclid(100) != 0),
        Round::Down => parts.div_euclid(100),
    })
}

/// The same from raw JSON, with what counts where the field is absent.
pub(crate) fn scaled_or(rule: &Value, default: &Value, total: i64, round: Round) -> i64 {
    let read = |rule: &Value| scaled(&serde_json::from_value(rule.clone()).ok()?, total, round);
    read(rule).or_else(|| read(default)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shares_are_rounded_as_the_field_demands() {
        for (rule, total, up, down) in [
            (json!(3), 10, 3, 3),
            (json!("0%"), 10, 0, 0),
            (json!("25%"), 10, 3, 2),
            (json!("30%"), 10, 3, 3),
            (json!("1%"), 1, 1, 0),
            (json!("100%"), 7, 7, 7),
            (json!("50%"), 0, 0, 0),
            (json!("half"), 10, 7, 7),
            (json!(null), 10, 7, 7),
        ] {
            let rounded = |round| scaled_or(&rule, &json!(7), total, round);
            assert_eq!((rounded(Round::Up), rounded(Round::Down)), (up, down), "{rule} of {total}");
        }
    }
}
