//! Amounts are written in many ways: `500m` is `0.5`, `1Gi` is `1024Mi`.

use serde_json::Value;

use crate::quantity::parse;

/// The same text for the same amount; whatever is none stays as it is.
pub fn canonical(value: &Value) -> Value {
    let amount = match value {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    };
    amount.map_or_else(|| value.clone(), |billionths| Value::String(format!("{billionths}n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_amounts_are_equal_and_others_are_not() {
        let same = [
            ("500m", "0.5"),
            ("1", "1000m"),
            ("1Gi", "1024Mi"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1k"),
            ("0", "0m"),
            ("128974848", "123Mi"),
        ];
        for (a, b) in same {
            assert_eq!(canonical(&json!(a)), canonical(&json!(b)), "{a} {b}");
        }
        for (a, b) in [("1G", "1Gi"), ("500m", "501m"), ("1", "-1"), ("", "0"), ("1.2.3", "1.2")] {
            assert_ne!(canonical(&json!(a)), canonical(&json!(b)), "{a} {b}");
        }
        assert_eq!(canonical(&json!(2)), canonical(&json!("2000m")));
    }

    #[test]
    fn what_is_no_amount_stays_as_it_is() {
        for value in [
            json!("many"),
            json!(""),
            json!("1Zi"),
            json!("1e999"),
            json!(null),
            json!({"a": 1}),
            json!("9".repeat(60)),
        ] {
            assert_eq!(canonical(&value), value);
        }
    }
}
