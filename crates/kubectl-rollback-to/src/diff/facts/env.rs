//! Environment variables: by name, with the source of what is not written in the template, and their order where it counts.

use cluster_model::quantity;
use serde_json::{Map, Value};

use super::reader::Reader;
use super::rest::{compact, leaf};
use super::{At, Facts, by_name};

impl Facts {
    pub(super) fn env(&mut self, at: &At, list: &Value) {
        let Some(variables) = by_name(list, "name") else {
            return self.rest(at, "env", list);
        };
        for (name, variable) in &variables {
            let at = at.to(name);
            let mut rest = (*variable).clone();
            rest.remove("name");
            // Written out: the value itself, which is the common case. No value is an empty one.
            if rest.keys().all(|key| key == "value") {
                let value = rest.remove("value").unwrap_or_else(|| Value::String(String::new()));
                self.put_named(&at, format!("env {name}"), name, &value);
            } else {
                let rest = Value::Object(rest);
                self.put_as(&at, format!("env {name}"), &rest, amounts(&rest), source);
            }
        }
        self.env_order(at, &variables);
    }

    /// `$(OTHER)` is replaced only when OTHER stands before (`third_party/forked/golang/expansion`; kubelet_pods.go,
    /// makeEnvironmentVariables); otherwise the order of variables means nothing.
    fn env_order(&mut self, at: &At, variables: &[(&str, &Map<String, Value>)]) {
        for (index, (name, variable)) in variables.iter().enumerate() {
            for other in references(variable.get("value").and_then(Value::as_str).unwrap_or_default()) {
                if !variables.iter().any(|(n, _)| *n == other) {
                    continue;
                }
                let before = variables[..index].iter().any(|(n, _)| *n == other);
                let at = At { path: format!("{} order", at.path), ..at.clone() }.to(name).to(other);
                let text =
                    if before { format!("{other} before {name}") } else { format!("{name} before {other}") };
                self.put(&at, format!("env {name} order"), &Value::Bool(before), |_| text);
                self.hush(&at);
            }
        }
    }

    pub(super) fn env_from(&mut self, at: &At, list: &Value) {
        let Some(sources) = list.as_array().filter(|list| list.iter().all(Value::is_object)) else {
            return self.rest(at, "envFrom", list);
        };
        let mut order = Vec::new();
        for source in sources {
            let text = from(source);
            order.push(text.clone());
            self.put(&at.to(&text), "envFrom", source, from);
        }
        // The later source wins where both have a key.
        self.order(at, "envFrom order", order);
    }
}

/// Names in `$(NAME)`; `$$` is a dollar.
fn references(value: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some(inside) = rest.strip_prefix('(')
            && let Some(end) = inside.find(')')
        {
            found.push(&inside[..end]);
            rest = &inside[end..];
        }
    }
    found
}

/// `configmap app-config prefix APP_`
fn from(value: &Value) -> String {
    let Some(map) = value.as_object() else { return compact(value) };
    let mut of = Reader::new(map);
    for (key, word) in [("configMapRef", "configmap"), ("secretRef", "secret")] {
        if let Some(source) = of.object(key) {
            let mut source = Reader::new(&source);
            let name = source.text("name").unwrap_or_default();
            source.add(format!("{word} {name}"));
            source.add_flag("optional", "optional");
            of.add(source.done());
        }
    }
    of.add_scalar("prefix", "prefix");
    of.done()
}

/// `from secret db key password`
fn source(value: &Value) -> String {
    let Some(map) = value.as_object() else { return compact(value) };
    let mut of = Reader::new(map);
    if let Some(value) = of.text("value") {
        of.add(leaf(&Value::String(value)));
    }
    if let Some(source) = of.object("valueFrom") {
        let mut source = Reader::new(&source);
        for (key, word) in [("configMapKeyRef", "configmap"), ("secretKeyRef", "secret")] {
            if let Some(key) = source.object(key) {
                let mut key = Reader::new(&key);
                let (name, of) = (key.text("name").unwrap_or_default(), key.text("key").unwrap_or_default());
                key.add(format!("from {word} {name} key {of}"));
                key.add_flag("optional", "optional");
                source.add(key.done());
            }
        }
        if let Some(field) = source.object("fieldRef") {
            let mut field = Reader::new(&field);
            let path = field.text("fieldPath").unwrap_or_default();
            field.add(format!("from field {path}"));
            if let Some(version) = field.text("apiVersion").filter(|v| v != "v1") {
                field.add(format!("of {version}"));
            }
            source.add(field.done());
        }
        if let Some(field) = source.object("resourceFieldRef") {
            let mut field = Reader::new(&field);
            let resource = field.text("resource").unwrap_or_default();
            field.add(format!("from resource {resource}"));
            field.add_scalar("of container", "containerName");
            field.add_scalar("in units of", "divisor");
            source.add(field.done());
        }
        of.add(source.done());
    }
    of.done()
}

/// The divisor in one spelling.
fn amounts(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(divisor) = value.pointer_mut("/valueFrom/resourceFieldRef/divisor") {
        *divisor = quantity::canonical(divisor);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_as_the_kubelet_sees_them() {
        for (value, names) in [
            ("http://$(HOST):$(PORT)/", &["HOST", "PORT"][..]),
            ("$$(HOST)", &[]),
            ("$$$(HOST)", &["HOST"]),
            ("$HOST $(OPEN", &[]),
            ("", &[]),
        ] {
            assert_eq!(references(value), names, "{value}");
        }
    }
}
