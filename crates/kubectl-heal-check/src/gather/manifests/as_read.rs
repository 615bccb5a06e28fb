//! Objects as servers read them: what is written in another way than the types have it, and means the same. Pure.

use serde_json::Value;

/// Maps of strings. Go reads null in one as an empty string.
const STRINGS: [&str; 4] = ["labels", "annotations", "matchLabels", "nodeSelector"];
/// From here on not every whole number is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// kubectl reads `2.` and `2.0` of YAML as the number 2 (sigs.k8s.io/yaml writes them so), also where a whole number is needed.
pub fn as_read(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|it| it.fract() == 0.0 && it.abs() < EXACT);
            if let Some(whole) = whole.and_then(|it| format!("{it:.0}").parse::<i64>().ok()) {
                *value = whole.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(as_read),
        Value::Object(fields) => {
            for (name, field) in fields {
                if let Some(strings) = field.as_object_mut().filter(|_| STRINGS.contains(&name.as_str())) {
                    strings.values_mut().filter(|it| it.is_null()).for_each(|it| *it = "".into());
                }
                as_read(field);
            }
        }
        _ => {}
    }
}
