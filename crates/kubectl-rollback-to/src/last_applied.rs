//! kubectl's memory of what was applied. `kubectl apply` removes only what it finds in there, so a field that a rollback brings back
//! and that the memory does not have stays for ever (kubernetes/kubernetes#94698). Pure.

use cluster_model::rollout::{Rollout, without_restart};
use cluster_model::{Raw, quantity};
use serde_json::{Map, Value};

use crate::merge_tree::{item, key_fields, named, only_in};

pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What is remembered; `None` if nothing is, or nothing that can be read.
pub fn of(object: &Value) -> Option<Value> {
    let value: Value = serde_json::from_str(object.annotation(LAST_APPLIED)?).ok()?;
    value.is_object().then_some(value)
}

/// What the target brings back and the next `kubectl apply` would not remove. What is live today too was never recorded there:
/// defaults, and what others wrote.
pub fn stuck(rollout: &Rollout, target: &Value) -> Vec<String> {
    let Some(remembered) = of(&rollout.object) else { return Vec::new() };
    // No manifest has the annotation of a restart, and removing it would start a rollout.
    only_in(&without_restart(target), &[template(&remembered), rollout.template()])
}

/// The new value of the annotation, for the template rolled back to. `revision` is its ControllerRevision or ReplicaSet.
///
/// A ControllerRevision is made with a copy of all annotations (pkg/controller/statefulset/stateful_set_utils.go, newRevision;
/// daemon/update.go, snapshot), so what was applied then is known exactly. A ReplicaSet is not: there, of today's memory what the target
/// still has is kept, and what the target brings back is added.
pub fn synced(rollout: &Rollout, target: &Value, revision: Option<&Value>) -> Option<String> {
    let mut remembered = of(&rollout.object)?;
    let remembers = rollout.id.kind.rules().copies_last_applied();
    let then = revision.filter(|_| remembers).and_then(of).map(|then| template(&then).clone());
    // Its annotations stay those of its first rollout; `kubectl set image` makes a revision and applies nothing.
    let exact = then.filter(|then| holds("", target, then));
    let new = match exact {
        Some(then) => then,
        None => {
            recorded("", Some(template(&remembered)), Some(rollout.template()), &without_restart(target))?
        }
    };
    *remembered.pointer_mut("/spec")?.as_object_mut()?.entry("template").or_insert(Value::Null) = new;
    // kubectl ends it with a line feed (util/apply.go, GetModifiedConfiguration).
    Some(format!("{remembered}\n"))
}

fn template(configuration: &Value) -> &Value {
    configuration.pointer("/spec/template").unwrap_or(&Value::Null)
}

/// The part of `target` that is to be recorded: what was, and what is not live today.
fn recorded(field: &str, old: Option<&Value>, live: Option<&Value>, target: &Value) -> Option<Value> {
    if let Value::Object(map) = target {
        let kept: Map<String, Value> = map
            .iter()
            .filter_map(|(key, value)| {
                let old = old.and_then(|old| old.get(key)).filter(|old| !old.is_null());
                Some((key.clone(), recorded(key, old, live.and_then(|live| live.get(key)), value)?))
            })
            .collect();
        return (!kept.is_empty() || old.is_some() || live.is_none()).then_some(Value::Object(kept));
    }
    if let Some(items) = named(field, target) {
        let kept: Vec<Value> = items
            .into_iter()
            .filter_map(|(name, value)| {
                let of = |list: Option<&'_ Value>| list.and_then(|list| item(field, list, &name)).cloned();
                let kept = recorded("", of(old).as_ref(), of(live).as_ref(), value)?;
                Some(with_name(field, kept, value))
            })
            .collect();
        return (!kept.is_empty() || old.is_some() || live.is_none()).then_some(Value::Array(kept));
    }
    (old.is_some() || live.is_none()).then(|| target.clone())
}

/// An item is nothing without what it is called.
fn with_name(field: &str, mut kept: Value, whole: &Value) -> Value {
    for key in key_fields(field) {
        if let (Some(map), Some(value)) = (kept.as_object_mut(), whole.get(key)) {
            map.insert((*key).to_owned(), value.clone());
        }
    }
    kept
}

/// Does `tree` contain everything in `part`?
fn holds(field: &str, tree: &Value, part: &Value) -> bool {
    match (tree, part) {
        (_, Value::Null) => true,
        (Value::Object(tree), Value::Object(part)) => {
            part.iter().all(|(key, value)| holds(key, tree.get(key).unwrap_or(&Value::Null), value))
        }
        (Value::Null, Value::Object(part)) => part.values().all(|value| holds("", &Value::Null, value)),
        (Value::Null, Value::Array(part)) => part.is_empty(),
        (Value::Array(list), Value::Array(parts)) => match named(field, part) {
            Some(items) if items.len() == list.len() => items
                .iter()
                .all(|(name, part)| item(field, tree, name).is_some_and(|tree| holds("", tree, part))),
            _ => {
                list.len() == parts.len() && list.iter().zip(parts).all(|(tree, part)| holds("", tree, part))
            }
        },
        _ => tree == part || same_amount(tree, part),
    }
}

/// The server writes quantities in its own way: `1000m` becomes `1`, a number becomes text.
fn same_amount(a: &Value, b: &Value) -> bool {
    quantity::from_json(a).is_some_and(|a| quantity::from_json(b) == Some(a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::rollout::Kind;
    use cluster_model::rollout::RESTARTED_AT;
    use serde_json::json;

    fn container(env: &[&str]) -> Value {
        let env: Vec<Value> = env.iter().map(|name| json!({"name": name, "value": "1"})).collect();
        json!({"name": "web", "image": "web:1", "env": env})
    }

    fn pod(container: Value) -> Value {
        json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}})
    }

    /// As the server keeps it.
    fn defaulted(template: &Value) -> Value {
        let mut full = template.clone();
        full["spec"]["restartPolicy"] = json!("Always");
        full["spec"]["containers"][0]["imagePullPolicy"] = json!("IfNotPresent");
        full
    }

    fn manifest(template: &Value) -> String {
        format!(
            "{}\n",
            json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3, "template": template}})
        )
    }

    fn live(kind: Kind, applied: Option<&Value>, live: &Value) -> Rollout {
        let annotations = applied.map(|template| json!({LAST_APPLIED: manifest(template)}));
        let object =
            json!({"metadata": {"name": "web", "annotations": annotations}, "spec": {"template": live}});
        Rollout::new(kind, object, &[], Vec::new())
    }

    /// kubectl apply, as far as this goes: what the memory has and the manifest has not is removed.
    fn removed_by_apply(remembered: &Value, manifest: &Value) -> Vec<String> {
        only_in(template(remembered), &[manifest])
    }

    #[test]
    fn what_comes_back_is_removed_by_the_next_apply_again() {
        let (v1, v2) = (pod(container(&["KEEP", "OLD"])), pod(container(&["KEEP"])));
        let rollout = live(Kind::Deployment, Some(&v2), &defaulted(&v2));
        let target = defaulted(&v1);
        assert_eq!(stuck(&rollout, &target), ["spec.containers[web].env[OLD]"]);
        let synced: Value = serde_json::from_str(&synced(&rollout, &target, None).unwrap()).unwrap();
        assert_eq!(removed_by_apply(&synced, &v2), ["spec.containers[web].env[OLD]"]);
        assert_eq!(template(&synced), &v1, "without what the server filled in");
        assert_eq!(synced["spec"]["replicas"], 3, "the rest is today's");
    }

    #[test]
    fn nothing_sticks_where_nothing_comes_back_or_nothing_is_remembered() {
        let (v1, v2) = (pod(container(&["A"])), pod(container(&["A", "B"])));
        assert_eq!(stuck(&live(Kind::Deployment, Some(&v2), &v2), &v1), [""; 0]);
        assert_eq!(stuck(&live(Kind::Deployment, None, &v1), &v2), [""; 0]);
        assert_eq!(synced(&live(Kind::Deployment, None, &v1), &v2, None), None);
        let mut restarted = v1.clone();
        restarted["metadata"]["annotations"] = json!({RESTARTED_AT: "2026-01-01T00:00:00Z"});
        assert_eq!(stuck(&live(Kind::Deployment, Some(&v1), &v1), &restarted), [""; 0]);
    }

    #[test]
    fn what_others_wrote_is_not_claimed() {
        let (v1, v2) = (pod(container(&["A"])), pod(container(&["A", "B"])));
        let foreign = |template: &Value| {
            let mut template = template.clone();
            template["spec"]["containers"][0]["resources"] = json!({"limits": {"cpu": "1"}});
            template
        };
        let rollout = live(Kind::Deployment, Some(&v2), &foreign(&v2));
        let synced: Value = serde_json::from_str(&synced(&rollout, &foreign(&v1), None).unwrap()).unwrap();
        assert_eq!(removed_by_apply(&synced, &v1), [""; 0]);
    }

    #[test]
    fn a_controllerrevision_remembers_exactly_unless_it_was_not_applied() {
        let mut v1 = pod(container(&["OLD"]));
        v1["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": 0.5}});
        let v2 = pod(container(&[]));
        let mut target = defaulted(&v1);
        target["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!("500m");
        let revision =
            |template: &Value| json!({"metadata": {"annotations": {LAST_APPLIED: manifest(template)}}});
        let rollout = live(Kind::StatefulSet, Some(&v2), &defaulted(&v2));
        let exact = synced(&rollout, &target, Some(&revision(&v1))).unwrap();
        assert_eq!(template(&serde_json::from_str(&exact).unwrap()), &v1);
        // Made by `kubectl set image`: its copy speaks of another image.
        let mut other = v1.clone();
        other["spec"]["containers"][0]["image"] = json!("web:0");
        let guessed = synced(&rollout, &target, Some(&revision(&other))).unwrap();
        let guessed: Value = serde_json::from_str(&guessed).unwrap();
        assert_eq!(guessed["spec"]["template"]["spec"]["containers"][0]["image"], "web:1");
        assert_eq!(
            removed_by_apply(&guessed, &v2).first().map(String::as_str),
            Some("spec.containers[web].env")
        );
    }
}
