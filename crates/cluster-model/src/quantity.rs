//! Amounts as Kubernetes writes them: `500m`, `1.5Gi`, `2e3`. Exact, in billionths.

//!
//! By hand: no crate reads them exactly; Kubernetes keeps quantities as written and as billionths (`resource/quantity.go`).

use serde_json::Value;

/// One, in billionths.
pub const ONE: i128 = 1_000_000_000;
const BILLION: i128 = ONE;

/// Billionths of one; `None` if it is no quantity (apimachinery/pkg/api/resource/quantity.go, ParseQuantity).
pub fn parse(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let negative = whole.starts_with('-');
    let whole = whole.trim_start_matches(['+', '-']);
    if whole.is_empty() && fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    let scaled = digits.checked_mul(multiplier(suffix)?)?;
    // The server rounds up what is finer than a billionth.
    let value = scaled.checked_add(10i128.checked_pow(places)? - 1)? / 10i128.checked_pow(places)?;
    Some(if negative { -value } else { value })
}

/// Of a field that holds a quantity. JSON from the server has text; a number is allowed to be written.
pub fn from_json(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

/// The same text for the same amount; whatever is none stays as it is.
pub fn canonical(value: &Value) -> Value {
    from_json(value).map_or_else(|| value.clone(), |billionths| Value::String(format!("{billionths}n")))
}

fn multiplier(suffix: &str) -> Option<i128> {
    let power = |base: i128, exponent: u32| base.checked_pow(exponent)?.checked_mul(BILLION);
    match suffix {
        "n" => Some(1),
        "u" => Some(1_000),
        "m" => Some(1_000_000),
        "" => Some(BILLION),
        "k" => power(1000, 1),
        "M" => power(1000, 2),
        "G" => power(1000, 3),
        "T" => power(1000, 4),
        "P" => power(1000, 5),
        "E" => power(1000, 6),
        "Ki" => power(1024, 1),
        "Mi" => power(1024, 2),
        "Gi" => power(1024, 3),
        "Ti" => power(1024, 4),
        "Pi" => power(1024, 5),
        "Ei" => power(1024, 6),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            if exponent < 0 {
                return (exponent >= -9).then(|| BILLION / 10i128.pow(exponent.unsigned_abs()));
            }
            power(10, exponent.unsigned_abs())
        }
    }
}

/// In the unit people use for it: `500m`, `1536Mi`, `3`.
pub fn show(resource: &str, amount: i128) -> String {
    if resource.contains("memory") || resource.contains("storage") {
        for (unit, size) in [("Gi", 1i128 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)] {
            if amount != 0 && amount % (size * BILLION) == 0 {
                return format!("{}{unit}", amount / (size * BILLION));
            }
        }
        // Something in between: no more digits than are useful.
        if amount.abs() >= (1 << 20) * BILLION {
            return format!("{}Mi", amount / ((1 << 20) * BILLION));
        }
    }
    if amount % BILLION == 0 {
        return (amount / BILLION).to_string();
    }
    format!("{}m", amount / (BILLION / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn quantities_are_read_exactly() {
        for (text, expected) in [
            ("1", Some(BILLION)),
            ("0", Some(0)),
            ("500m", Some(BILLION / 2)),
            ("0.5", Some(BILLION / 2)),
            (".5", Some(BILLION / 2)),
            ("1.5Gi", Some(3 * (1 << 29) * BILLION)),
            ("1k", Some(1000 * BILLION)),
            ("2e3", Some(2000 * BILLION)),
            ("1E-3", Some(BILLION / 1000)),
            ("1E", Some(1_000_000_000_000_000_000 * BILLION)),
            ("-1", Some(-BILLION)),
            ("1n", Some(1)),
            ("", None),
            ("Gi", None),
            ("1 Gi", None),
            ("1KiB", None),
            ("1.2.3", None),
            ("1-2", None),
            ("1e99999", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn amounts_are_shown_in_their_own_unit() {
        for (resource, text, shown) in [
            ("cpu", "0.5", "500m"),
            ("cpu", "2000m", "2"),
            ("requests.memory", "1073741824", "1Gi"),
            ("memory", "1536Mi", "1536Mi"),
            ("memory", "1500000000", "1430Mi"),
            ("pods", "3", "3"),
            ("memory", "0", "0"),
        ] {
            assert_eq!(show(resource, parse(text).unwrap()), shown, "{resource} {text}");
        }
    }

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

    proptest! {
        #[test]
        fn no_text_makes_it_fall(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_shown_for_cpu_reads_the_same(millis in 0i64..10_000_000) {
            let amount = i128::from(millis) * 1_000_000;
            prop_assert_eq!(parse(&show("cpu", amount)), Some(amount));
        }
    }
}
