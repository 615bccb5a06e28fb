//! Templates with what may be secret taken out, in the same shape.

use cluster_model::rollout::without_nulls;
use cluster_model::secret;
use serde_json::{Map, Value};

pub const HIDDEN: &str = "<hidden>";
/// In the second of two: hidden there and here, and not the same.
const OTHER: &str = "<hidden, differs>";

/// Maps whose keys users choose, so that they are names of values.
const NAMED: &[&str] = &[
    "annotations",
    "attributes",
    "labels",
    "matchLabels",
    "nodeSelector",
    "options",
    "parameters",
    "volumeAttributes",
];

/// What is under these is a reference and random by nature.
const PUBLIC: &[&str] = &["image", "reference", "name", "mountPath", "devicePath"];

/// `template` for printing: without what may be secret, and without what is nothing (nulls, `$patch`).
pub fn masked(template: &Value, show_values: bool) -> Value {
    let clean = without_nulls(template);
    if show_values { clean } else { mask(&clean) }
}

/// Both for printing; of a hidden value that is another one on the right, the right is marked so.
pub fn masked_pair(from: &Value, to: &Value, show_values: bool) -> (Value, Value) {
    let (from, to) = (without_nulls(from), without_nulls(to));
    if show_values {
        return (from, to);
    }
    let (left, mut right) = (mask(&from), mask(&to));
    mark(&from, &left, &to, &mut right);
    (left, right)
}

/// Any part of a template. What is equal to before held nothing that must be hidden.
pub fn mask(value: &Value) -> Value {
    match value {
        Value::String(text) if secret::text(text) || is_secret_json(text) => HIDDEN.into(),
        Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_string) => words(list),
        Value::Array(list) => list.iter().map(mask).collect(),
        Value::Object(map) => object(map),
        other => other.clone(),
    }
}

/// A value that goes by a name: of a variable, an annotation, a header.
pub fn mask_named(name: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if secret::named(name, text) || is_secret_json(text) => HIDDEN.into(),
        // Named after a fingerprint, so it was not taken for a secret.
        Value::String(_) => value.clone(),
        other => mask(other),
    }
}

/// A document inside a text, as in last-applied-configuration: names and values stand apart there.
fn is_secret_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<Value>(text).is_ok_and(|document| mask(&document) != document)
}

fn object(map: &Map<String, Value>) -> Value {
    // `{name, value}`: environment variables, HTTP headers, sysctls.
    let name = map.get("name").and_then(Value::as_str);
    let masked = map.iter().map(|(key, value)| {
        let value = match (key.as_str(), value, name) {
            ("value", value, Some(name)) => mask_named(name, value),
            (key, Value::Object(named), _) if NAMED.contains(&key) => named
                .iter()
                .map(|(name, value)| (name.clone(), mask_named(name, value)))
                .collect::<Map<_, _>>()
                .into(),
            (key, Value::String(_), _) if PUBLIC.contains(&key) => value.clone(),
            (_, value, _) => mask(value),
        };
        (key.clone(), value)
    });
    masked.collect::<Map<_, _>>().into()
}

/// Words of a command: `--password x`, `--password=x`, and words that hold something secret by themselves.
fn words(list: &[Value]) -> Value {
    let mut flag: Option<&str> = None;
    let mut out = Vec::with_capacity(list.len());
    for word in list.iter().filter_map(Value::as_str) {
        out.push(Value::String(match flag {
            Some(name) if !word.starts_with('-') && secret::named(name, word) => HIDDEN.to_owned(),
            _ => masked_word(word),
        }));
        flag = (word.starts_with('-') && !word.contains('=') && secret::is_name(word)).then_some(word);
    }
    Value::Array(out)
}

fn masked_word(word: &str) -> String {
    let single = !word.contains(char::is_whitespace);
    if let Some((name, value)) = word.split_once('=').filter(|_| single)
        && !name.is_empty()
        && !secret::text(name)
    {
        return if secret::named(name, value) { format!("{name}={HIDDEN}") } else { word.to_owned() };
    }
    if secret::text(word) { HIDDEN.to_owned() } else { word.to_owned() }
}

/// Marks each hidden value in `right` that differs from the one on the left. Lists are aligned by name, words by what they are.
fn mark(from: &Value, left: &Value, to: &Value, right: &mut Value) {
    match (from, left, to, right) {
        (Value::String(a), Value::String(x), Value::String(b), Value::String(y))
            if a != x && b != y && a != b =>
        {
            *y = y.replace(HIDDEN, OTHER);
        }
        (Value::Object(a), Value::Object(x), Value::Object(b), Value::Object(y)) => {
            for (key, y) in y {
                if let (Some(a), Some(x), Some(b)) = (a.get(key), x.get(key), b.get(key)) {
                    mark(a, x, b, y);
                }
            }
        }
        (Value::Array(a), Value::Array(x), Value::Array(to_list), Value::Array(y)) => {
            let was_hidden = a.iter().zip(x).any(|(a, x)| a.is_string() && a != x);
            for (index, y) in y.iter_mut().enumerate() {
                if let Value::String(text) = y {
                    let b = &to_list[index];
                    if b.as_str() != Some(text) && was_hidden && !a.contains(b) {
                        *text = text.replace(HIDDEN, OTHER);
                    }
                    continue;
                }
                let peer = peer(a, to_list, index);
                if let Some((a, x)) = peer.and_then(|at| a.get(at).zip(x.get(at))) {
                    mark(a, x, &to_list[index], y);
                }
            }
        }
        _ => {}
    }
}

/// Where in `from` the member is that `to[index]` is to be compared with: the same of those of its name.
fn peer(from: &[Value], to: &[Value], index: usize) -> Option<usize> {
    let Some(name) = to[index]["name"].as_str() else { return Some(index) };
    let earlier = to[..index].iter().filter(|member| member["name"] == name).count();
    let mut alike = from.iter().enumerate().filter(|(_, member)| member["name"] == name).map(|(at, _)| at);
    alike.nth(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_leave_a_template_and_nothing_else_does() {
        let template = json!({
            "metadata": {"creationTimestamp": null, "labels": {"app": "web"},
                "annotations": {"example.com/api-token": "abc", "example.com/team": "shop"}},
            "$patch": "replace",
            "spec": {"serviceAccountName": "web", "imagePullSecrets": [{"name": "registry-key"}],
                "containers": [{"name": "web", "image": "shop@sha256:0123456789abcdef0123456789abcdef",
                    "command": ["run", "--password", "hunter2", "--token=abc", "--level=debug", "--key-file", "/tls/key"],
                    "args": ["-c", "export API_KEY=abc && serve"],
                    "env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "LEVEL", "value": "debug"},
                        {"name": "DB_PASSWORD2", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
                    "readinessProbe": {"httpGet": {"port": 80, "httpHeaders": [{"name": "Authorization", "value": "Bearer abc"}]}}}],
                "volumes": [{"name": "d", "emptyDir": {}},
                    {"name": "v", "csi": {"driver": "d", "volumeAttributes": {"accessKey": "abc", "path": "x"}}}]},
        });
        let expected = json!({
            "metadata": {"labels": {"app": "web"},
                "annotations": {"example.com/api-token": "<hidden>", "example.com/team": "shop"}},
            "spec": {"serviceAccountName": "web", "imagePullSecrets": [{"name": "registry-key"}],
                "containers": [{"name": "web", "image": "shop@sha256:0123456789abcdef0123456789abcdef",
                    "command": ["run", "--password", "<hidden>", "--token=<hidden>", "--level=debug", "--key-file", "/tls/key"],
                    "args": ["-c", "<hidden>"],
                    "env": [{"name": "DB_PASSWORD", "value": "<hidden>"}, {"name": "LEVEL", "value": "debug"},
                        {"name": "DB_PASSWORD2", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
                    "readinessProbe": {"httpGet": {"port": 80, "httpHeaders": [{"name": "Authorization", "value": "<hidden>"}]}}}],
                "volumes": [{"name": "d", "emptyDir": {}},
                    {"name": "v", "csi": {"driver": "d", "volumeAttributes": {"accessKey": "<hidden>", "path": "x"}}}]},
        });
        assert_eq!(masked(&template, false), expected);
        assert_eq!(masked(&template, true)["spec"], template["spec"]);
    }

    #[test]
    fn a_document_inside_a_text_is_looked_into() {
        let env = |name: &str| json!({"env": [{"name": name, "value": "hunter2"}]}).to_string();
        for (name, hidden) in [("DB_PASSWORD", true), ("DB_HOST", false)] {
            assert_eq!(mask(&json!(env(name))) == HIDDEN, hidden, "{name}");
            assert_eq!(mask_named("config", &json!(env(name))) == HIDDEN, hidden, "{name}");
        }
    }

    #[test]
    fn a_changed_secret_is_reported_without_its_value() {
        let env = |list: &[(&str, &str)]| {
            let list: Vec<Value> =
                list.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
            json!({"env": list})
        };
        let from = env(&[("A_TOKEN", "a"), ("B_TOKEN", "b")]);
        let to = env(&[("NEW", "x"), ("C_TOKEN", "c"), ("B_TOKEN", "b"), ("A_TOKEN", "other")]);
        let (left, right) = masked_pair(&from, &to, false);
        assert_eq!(left, env(&[("A_TOKEN", "<hidden>"), ("B_TOKEN", "<hidden>")]));
        assert_eq!(
            right,
            env(&[
                ("NEW", "x"),
                ("C_TOKEN", "<hidden>"),
                ("B_TOKEN", "<hidden>"),
                ("A_TOKEN", "<hidden, differs>")
            ])
        );
    }

    #[test]
    fn words_are_compared_wherever_they_stand() {
        let pair = |from: Value, to: Value| masked_pair(&from, &to, false);
        let (left, right) = pair(json!(["--token=a", "x"]), json!(["new", "--token=a", "x"]));
        assert_eq!(
            (left, right),
            (json!(["--token=<hidden>", "x"]), json!(["new", "--token=<hidden>", "x"]))
        );
        let (left, right) = pair(json!(["--token=a", "x"]), json!(["new", "--token=b", "x"]));
        assert_eq!(
            (left, right),
            (json!(["--token=<hidden>", "x"]), json!(["new", "--token=<hidden, differs>", "x"]))
        );
    }
}
