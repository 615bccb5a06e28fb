//! What somebody else changed since a workload was read: who, when, and which images. Pure.

use cluster_model::Raw;
use cluster_model::managed_fields::template_writer::{self, Written};
use cluster_model::rollout::images;
use serde_json::Value;

use crate::outcome::cause::Author;
use crate::outcome::reason::{Change, ImageChange};

/// Who wrote the template since; `None` if managedFields do not contain it.
pub fn author(seen: &Value, live: &Value) -> Option<Written> {
    template_writer::since(seen.list("/metadata/managedFields"), live)
}

pub fn of_template(seen: &Value, live: &Value) -> Change {
    let by = author(seen, live).map(|author| Author { manager: author.manager, at: author.at });
    let (before, now) = (images(&seen["spec"]["template"]), images(&live["spec"]["template"]));
    let image = |of: &[(String, String)], name: &str| {
        of.iter().find(|(other, _)| other == name).map(|(_, image)| image.clone())
    };
    let names = now.iter().chain(before.iter().filter(|(name, _)| image(&now, name).is_none()));
    let images = names.map(|(name, _)| ImageChange {
        container: name.clone(),
        from: image(&before, name),
        to: image(&now, name),
    });
    Change::Template { by, images: images.filter(|change| change.from != change.to).collect() }
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
        let helm = || Some(Author { manager: "helm".into(), at: "2026-01-01T00:00:07Z".parse().unwrap() });
        let image = |container: &str, from: Option<&str>, to: Option<&str>| ImageChange {
            container: container.into(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        for (live, by, images) in [
            (
                object("helm", 7, &[("web", "shop:2"), ("log", "log:1")]),
                helm(),
                vec![image("web", Some("shop:1"), Some("shop:2"))],
            ),
            (
                object("helm", 7, &[("web", "shop:1"), ("proxy", "p:1")]),
                helm(),
                vec![image("proxy", None, Some("p:1")), image("log", Some("log:1"), None)],
            ),
            (object("kubectl", 0, &[("web", "shop:1"), ("log", "log:1")]), None, vec![]),
        ] {
            assert_eq!(of_template(&seen, &live), Change::Template { by, images });
        }
    }
}
