//! The hosts that a container's environment names. Only literal values count, and only where a host is certain to be meant: in a URL, before
//! a port, or as the name of a Service with its namespace. Nothing else of a value is kept, as it may be a password.

use std::collections::BTreeSet;

use cluster_model::Raw;
use serde_json::Value;

/// Of all containers of a pod's spec: `db` from `postgres://db/orders`, `db:5432` where there was no scheme.
pub fn of_spec(spec: &Value) -> BTreeSet<String> {
    let containers = ["/initContainers", "/containers"].into_iter().flat_map(|at| spec.list(at));
    let values = containers.flat_map(|it| it.list("/env")).map(|variable| variable.text("/value"));
    values.flat_map(of_value).collect()
}

fn of_value(value: &str) -> Vec<String> {
    let value = value.trim();
    match value.split_once("://") {
        Some((_, rest)) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            // Whatever is before it is a user and a password.
            let hosts = authority.rsplit('@').next().unwrap_or_default();
            hosts.split(',').map(|it| it.split(':').next().unwrap_or_default()).filter_map(host).collect()
        }
        None => {
            let named: Option<Vec<String>> = value.split(',').map(without_scheme).collect();
            named.unwrap_or_default()
        }
    }
}

/// `db:5432` with its port, because `postgres:16` may also be an image; `db.shop` without one. One word alone may be anything.
fn without_scheme(part: &str) -> Option<String> {
    match part.trim().split_once(':') {
        Some((name, port)) => {
            let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
            Some(format!("{}:{port}", host(name)?))
        }
        None => host(part.trim()).filter(|it| it.contains('.')),
    }
}

/// A DNS name, without the dot at its end.
fn host(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.starts_with(|c: char| c.is_ascii_alphanumeric())
            && label.ends_with(|c: char| c.is_ascii_alphanumeric())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    (name.len() <= 253 && name.split('.').all(is_label)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_host_is_where_a_url_a_port_or_a_namespace_says_so() {
        for (value, expected) in [
            ("http://db", &["db"][..]),
            ("postgres://user:p%40ss@db.shop:5432/orders?x=y", &["db.shop"]),
            ("mongodb://a:1,b.shop:2/x", &["a", "b.shop"]),
            ("jdbc:postgresql://db.shop.svc.cluster.local./x", &["db.shop.svc.cluster.local"]),
            ("db:5432", &["db:5432"]),
            ("kafka-0.kafka:9092, kafka-1.kafka:9092", &["kafka-0.kafka:9092", "kafka-1.kafka:9092"]),
            ("db.shop", &["db.shop"]),
            ("db", &[]),
            ("db:latest", &[]),
            ("db:0", &[]),
            ("the db:5432 of the shop", &[]),
            ("hunter2:p@ss", &[]),
            ("https://[::1]:80", &[]),
            ("http:///x", &[]),
            ("", &[]),
        ] {
            assert_eq!(of_value(value), expected, "{value}");
        }
    }

    #[test]
    fn only_literal_values_of_containers_count() {
        let spec = json!({"initContainers": [{"env": [{"name": "A", "value": "http://a"}]}], "containers": [
            {"env": [{"name": "B", "value": "http://b"}, {"name": "C", "valueFrom": {"secretKeyRef": {"name": "http://c"}}}],
             "args": ["http://d"]}]});
        assert_eq!(of_spec(&spec), ["a", "b"].map(str::to_owned).into());
    }
}
