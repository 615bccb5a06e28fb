//! What somebody else changed since a workload was seen: who, when, and what shows of it, in one line. Pure.

use cluster_model::Raw;
use cluster_model::managed_fields::template_writer::{self, Written};
use cluster_model::rollout::images;
use serde_json::Value;

/// Who wrote the template since; `None` if managedFields do not tell.
pub fn author(seen: &Value, live: &Value) -> Option<Written> {
    template_writer::since(seen.list("/metadata/managedFields"), live)
}

/// `changed by helm at 2026-01-01T00:00:00Z (web: shop:1.4 → shop:1.5)`
pub fn of_template(seen: &Value, live: &Value) -> String {
    let by = match author(seen, live) {
        Some(author) => format!("{} at {}", author.manager, author.at),
        None => "somebody".to_owned(),
    };
    let (before, now) = (images(&seen["spec"]["template"]), images(&live["spec"]["template"]));
    let old = |name: &str| before.iter().find(|(other, _)| other == name).map(|(_, image)| image.as_str());
    let moved = now.iter().filter(|(name, image)| old(name) != Some(image));
    let mut what: Vec<String> =
        moved.map(|(name, image)| format!("{name}: {} → {image}", old(name).unwrap_or("none"))).collect();
    let kept = |name: &str| now.iter().any(|(other, _)| other == name);
    what.extend(
        before.iter().filter(|(name, _)| !kept(name)).map(|(name, image)| format!("{name}: {image} → none")),
    );
    if what.is_empty() {
        what.push("the same images".to_owned());
    }
    format!("changed by {by} ({})", what.join(", "))
}

/// `its annotation kubernetes.io/change-cause was changed`
pub fn of_annotation(key: &str) -> String {
    format!("its annotation {key} was changed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(by: &str, second: u32, containers: &[(&str, &str)]) -> Value {
        let containers: Vec<Value> =
            containers.iter().map(|(name, image)| json!({"name": name, "image": image})).collect();
        json!({"metadata": {"managedFields": [{"manager": by, "operation": "Update",
                "time": format!("2026-01-01T00:00:{second:02}Z"), "fieldsV1": {"f:spec": {"f:template": {}}}}]},
            "spec": {"template": {"spec": {"containers": containers}}}})
    }

    #[test]
    fn who_when_and_what() {
        let seen = object("kubectl", 0, &[("web", "shop:1"), ("log", "log:1")]);
        for (live, expected) in [
            (
                object("helm", 7, &[("web", "shop:2"), ("log", "log:1")]),
                "changed by helm at 2026-01-01T00:00:07Z (web: shop:1 → shop:2)",
            ),
            (
                object("helm", 7, &[("web", "shop:1"), ("proxy", "p:1")]),
                "changed by helm at 2026-01-01T00:00:07Z (proxy: none → p:1, log: log:1 → none)",
            ),
            (
                object("kubectl", 0, &[("web", "shop:1"), ("log", "log:1")]),
                "changed by somebody (the same images)",
            ),
        ] {
            assert_eq!(of_template(&seen, &live), expected);
        }
    }
}
