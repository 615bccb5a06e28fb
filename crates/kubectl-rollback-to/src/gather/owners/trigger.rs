//! OpenShift's image triggers: an annotation that keeps a container's image equal to an image stream tag. Pure.

use cluster_model::Raw;
use cluster_model::rollout::Rollout;
use serde::Deserialize;
use serde_json::Value;

pub const ANNOTATION: &str = "image.openshift.io/triggers";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trigger {
    pub container: String,
    /// `namespace/name:tag`
    pub tag: String,
}

/// As its controller reads it (openshift/library-go, pkg/image/trigger/types.go): a field of another type makes the whole annotation
/// unreadable, and an unknown field, such as `pause`, is ignored.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(default)]
    from: From,
    #[serde(default)]
    field_path: String,
    #[serde(default)]
    paused: bool,
}

#[derive(Default, Deserialize)]
struct From {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
}

/// The triggers that are not paused; or why it is not known what they do.
pub fn triggers(rollout: &Rollout) -> Result<Vec<Trigger>, String> {
    let Some(text) = rollout.object.annotation(ANNOTATION) else { return Ok(Vec::new()) };
    let written: Vec<Written> =
        serde_json::from_str(text).map_err(|error| format!("is no list of triggers: {error}"))?;
    let follows = written.into_iter().filter(|it| !it.paused && it.from.kind == "ImageStreamTag");
    follows
        .map(|Written { from, field_path, .. }| {
            let container = container(rollout.template(), &field_path)
                .ok_or_else(|| format!("no container is at fieldPath {field_path}"))?;
            let namespace = if from.namespace.is_empty() { &rollout.id.namespace } else { &from.namespace };
            Ok(Trigger { container, tag: format!("{namespace}/{}", from.name) })
        })
        .collect()
}

/// `spec.template.spec.containers[?(@.name=="web")].image`, or by its place: `…initContainers[0].image`.
fn container(template: &Value, path: &str) -> Option<String> {
    let (list, rest) = path.strip_prefix("spec.template.spec.")?.split_once('[')?;
    if !matches!(list, "containers" | "initContainers") {
        return None;
    }
    let which = rest.strip_suffix("].image")?;
    let all = template.list(&format!("/spec/{list}"));
    let found = match which.parse::<usize>() {
        Ok(place) => all.get(place),
        Err(_) => {
            let quoted = which.strip_prefix("?(@.name==")?.strip_suffix(')')?;
            let name = ['"', '\''].iter().find_map(|&q| quoted.strip_prefix(q)?.strip_suffix(q))?;
            all.iter().find(|container| container.text("/name") == name)
        }
    };
    found.map(|container| container.text("/name").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::rollout::Kind;
    use serde_json::json;

    fn read(annotation: &str) -> Result<Vec<Trigger>, String> {
        let object = json!({"metadata": {"name": "web", "namespace": "shop", "annotations": {ANNOTATION: annotation}},
            "spec": {"template": {"spec": {"containers": [{"name": "web"}, {"name": "side"}], "initContainers": [{"name": "init"}]}}}});
        triggers(&Rollout::new(Kind::Deployment, object, &[], Vec::new()))
    }

    fn at(path: &str, more: Value) -> String {
        let mut trigger =
            json!({"from": {"kind": "ImageStreamTag", "name": "web:latest"}, "fieldPath": path});
        cluster_model::build::merge(&mut trigger, more);
        json!([trigger]).to_string()
    }

    const WEB: &str = r#"spec.template.spec.containers[?(@.name=="web")].image"#;

    #[test]
    fn a_trigger_names_its_container_and_its_tag() {
        let trigger =
            |container: &str, tag: &str| Ok(vec![Trigger { container: container.into(), tag: tag.into() }]);
        for (path, more, expected) in [
            (WEB, json!({}), trigger("web", "shop/web:latest")),
            (WEB, json!({"from": {"namespace": "images"}}), trigger("web", "images/web:latest")),
            (
                "spec.template.spec.containers[?(@.name=='side')].image",
                json!({}),
                trigger("side", "shop/web:latest"),
            ),
            ("spec.template.spec.containers[1].image", json!({}), trigger("side", "shop/web:latest")),
            ("spec.template.spec.initContainers[0].image", json!({}), trigger("init", "shop/web:latest")),
            (WEB, json!({"paused": true}), Ok(vec![])),
            // Written by many, and read by nobody.
            (WEB, json!({"pause": "true"}), trigger("web", "shop/web:latest")),
            (WEB, json!({"from": {"kind": "ImageStreamImage"}}), Ok(vec![])),
        ] {
            assert_eq!(read(&at(path, more.clone())), expected, "{path} {more}");
        }
        assert_eq!(read("[]"), Ok(vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_none() {
        for (annotation, part) in [
            ("", "no list of triggers"),
            ("[{", "no list of triggers"),
            ("{}", "no list of triggers"),
            (&at(WEB, json!({"paused": "true"})), "no list of triggers"),
            (&at("spec.template.spec.containers[2].image", json!({})), "containers[2]"),
            (&at("spec.template.spec.volumes[0].image", json!({})), "volumes[0]"),
            (&at("", json!({})), "no container is at fieldPath"),
        ] {
            let why = read(annotation).unwrap_err();
            assert!(why.contains(part), "{annotation}: {why}");
        }
    }
}
