//! The JSON patches that a rollback writes, for the dry_run and for the real thing alike. Pure.
//!
//! A patch, not an update: fields that are unknown to this program stay in the template, and no concurrent change is overwritten.

use cluster_model::Raw;
use cluster_model::raw::escaped;
use cluster_model::rollout::{Id, Rollout};
use http::Request;
use http::header::{CONTENT_TYPE, HeaderValue};
use kube::api::{Patch, PatchParams};
use plugin_client::Failure;
use serde_json::{Value, json};

/// The guarded change of the template. The guard is the template that was seen: a resourceVersion changes with every status,
/// a generation with every step of an autoscaler, and neither is a reason to stop.
pub fn template_patch(rollout: &Rollout, template: &Value) -> Vec<Value> {
    vec![
        json!({"op": "test", "path": "/metadata/uid", "value": rollout.id.uid}),
        json!({"op": "test", "path": "/spec/template", "value": rollout.template()}),
        json!({"op": "replace", "path": "/spec/template", "value": template}),
    ]
}

/// Sets these annotations (`None` takes one away) and leaves all others alone. What is so already is not written.
pub fn annotation_ops(object: &Value, set: &[(&str, Option<&str>)]) -> Vec<Value> {
    let mut ops: Vec<Value> = Vec::new();
    for (key, value) in set {
        let path = format!("/metadata/annotations/{}", escaped(key));
        match (object.annotation(key), value) {
            (Some(old), Some(new)) if old != *new => {
                ops.push(json!({"op": "replace", "path": path, "value": new}))
            }
            (Some(_), None) => ops.push(json!({"op": "remove", "path": path})),
            (None, Some(new)) => ops.push(json!({"op": "add", "path": path, "value": new})),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }
    if !ops.is_empty() && object.map("/metadata/annotations").is_none() {
        // `add` would replace a map that somebody else made since. A test for null passes where there is nothing
        // (evanphx/json-patch, Patch.test), and a later map makes it fail: then the plan is made again.
        let none = json!({"op": "test", "path": "/metadata/annotations", "value": null});
        let empty = json!({"op": "add", "path": "/metadata/annotations", "value": {}});
        ops.splice(0..0, [none, empty]);
    }
    ops
}

/// Guards of `annotation_ops`: each of these is still what it was. A test for null passes where there is nothing; without any
/// annotations there is no place to look for one, and the operations guard that themselves.
pub fn annotation_tests(object: &Value, set: &[(&str, Option<&str>)]) -> Vec<Value> {
    if object.map("/metadata/annotations").is_none() {
        return Vec::new();
    }
    let test = |(key, _): &(&str, Option<&str>)| json!({"op": "test", "path": format!("/metadata/annotations/{}", escaped(key)), "value": object.annotation(key)});
    set.iter().map(test).collect()
}

/// The request that carries such a patch. kube writes JSON patches only through a crate of their own; its request is the same but
/// for the name of the format.
pub fn request(id: &Id, ops: &[Value], manager: &str, dry_run: bool) -> Result<Request<Vec<u8>>, Failure> {
    let path = id.kind.resource().path(&id.namespace);
    let params = PatchParams { dry_run, field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let request = kube::core::Request::new(path).patch(&id.name, &params, &Patch::Merge(ops));
    let mut request = request.map_err(|error| {
        Failure::from_kube("write the patch", &kube::Error::BuildRequest(error)).object(id.typed())
    })?;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json-patch+json"));
    Ok(request.map(as_the_server_spells))
}

/// The body of a patch with every string spelled as the server itself spells it. A `test` compares the spelling, not the meaning
/// (evanphx/json-patch v4, lazyNode.equal), and the server writes the object down with Go's encoding/json, which escapes what HTML
/// and JavaScript would trip over: no template with `&&` in a command could be rolled back otherwise.
pub fn as_the_server_spells(json: Vec<u8>) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&json) else { return json };
    if !text.contains(SPELLED) {
        return json;
    }
    let mut out = String::with_capacity(text.len() + 64);
    // Outside its strings JSON has none of these.
    for c in text.chars() {
        if SPELLED.contains(&c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out.into_bytes()
}

const SPELLED: [char; 5] = ['<', '>', '&', '\u{2028}', '\u{2029}'];

#[cfg(test)]
pub mod testing {
    use serde_json::Value;

    /// As the server applies it: RFC 6902, but what is not there passes for null (evanphx/json-patch, Patch.test).
    pub fn apply(object: &mut Value, op: &Value) -> Option<()> {
        let path = op["path"].as_str()?;
        if op["op"] == "test" && op["value"].is_null() && object.pointer(path).is_none() {
            return Some(());
        }
        let op = serde_json::from_value(op.clone()).ok()?;
        json_patch::patch(object, &[op]).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::rollout::Kind;
    use proptest::prelude::*;

    #[test]
    fn the_template_is_replaced_only_where_it_is_the_one_that_was_seen() {
        let live = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7"},
            "spec": {"template": {"spec": {"newField": 1}}}});
        let rollout = Rollout::new(Kind::Deployment, live, &[], Vec::new());
        let target = json!({"spec": {"newField": 0}});
        assert_eq!(
            json!(template_patch(&rollout, &target)),
            json!([{"op": "test", "path": "/metadata/uid", "value": "u1"},
                {"op": "test", "path": "/spec/template", "value": {"spec": {"newField": 1}}},
                {"op": "replace", "path": "/spec/template", "value": {"spec": {"newField": 0}}}])
        );
    }

    #[test]
    fn annotations_are_merged_key_by_key() {
        let some = json!({"metadata": {"annotations": {"a/b": "1", "keep": "x"}}});
        let none = json!({"metadata": {}});
        let add = json!({"op": "add", "path": "/metadata/annotations/a~1b", "value": "2"});
        let make = [
            json!({"op": "test", "path": "/metadata/annotations", "value": null}),
            json!({"op": "add", "path": "/metadata/annotations", "value": {}}),
        ];
        let cases = [
            (
                &some,
                ("a/b", Some("2")),
                vec![json!({"op": "replace", "path": "/metadata/annotations/a~1b", "value": "2"})],
            ),
            (&some, ("a/b", Some("1")), vec![]),
            (&some, ("a/b", None), vec![json!({"op": "remove", "path": "/metadata/annotations/a~1b"})]),
            (
                &some,
                ("c~d", Some("2")),
                vec![json!({"op": "add", "path": "/metadata/annotations/c~0d", "value": "2"})],
            ),
            (&some, ("gone", None), vec![]),
            (&none, ("gone", None), vec![]),
            (&none, ("a/b", Some("2")), vec![make[0].clone(), make[1].clone(), add]),
        ];
        for (object, edit, expected) in cases {
            assert_eq!(annotation_ops(object, &[edit]), expected, "{edit:?} of {object}");
        }
    }

    #[test]
    fn strings_are_spelled_as_the_server_spells_them() {
        let id = Id { kind: Kind::Deployment, namespace: "shop".into(), name: "web".into(), uid: "u".into() };
        let ops = [json!({"op": "test", "path": "/x", "value": "a && b <c> \u{2028}\u{2029} ü \u{7f} \"\\"})];
        let request = request(&id, &ops, "me", false).unwrap();
        let body = String::from_utf8(request.into_body()).unwrap();
        let spelled = r#""value":"a \u0026\u0026 b \u003cc\u003e \u2028\u2029 ü "#;
        assert!(body.contains(spelled), "{body}");
        assert_eq!(serde_json::from_str::<Vec<Value>>(&body).unwrap(), ops, "it means the same");
    }

    #[test]
    fn the_request_is_a_json_patch() {
        let object = json!({"metadata": {"name": "web", "namespace": "shop"}});
        let id = Id::of(Kind::StatefulSet, &object);
        for (dry_run, query) in [(true, "dryRun=All&fieldManager=a%26b"), (false, "fieldManager=a%26b")] {
            let request = request(&id, &[json!({"op": "test"})], "a&b", dry_run).unwrap();
            assert_eq!(request.method(), "PATCH");
            assert_eq!(request.uri().path(), "/apis/apps/v1/namespaces/shop/statefulsets/web");
            assert_eq!(request.uri().query().unwrap().trim_start_matches('&'), query);
            assert_eq!(request.headers()[CONTENT_TYPE], "application/json-patch+json");
            assert_eq!(request.body(), br#"[{"op":"test"}]"#);
        }
        assert!(request(&id, &[], &"x".repeat(200), false).is_err(), "longer than a manager may be");
    }

    fn applied(mut object: Value, ops: &[Value]) -> Value {
        for op in ops {
            testing::apply(&mut object, op).unwrap();
        }
        object
    }

    proptest! {
        #[test]
        fn only_the_named_keys_change(
            before in proptest::option::of(proptest::collection::btree_map("[a-c~/]{1,3}", "[xy]", 0..4)),
            edits in proptest::collection::btree_map("[a-c~/]{1,3}", proptest::option::of("[xy]"), 0..4),
        ) {
            let object = match &before {
                Some(map) => json!({"metadata": {"annotations": map}}),
                None => json!({"metadata": {}}),
            };
            let set: Vec<(&str, Option<&str>)> = edits.iter().map(|(k, v)| (k.as_str(), v.as_deref())).collect();
            let after = applied(object.clone(), &annotation_ops(&object, &set));
            let mut expected = before.unwrap_or_default();
            for (key, value) in &edits {
                match value {
                    Some(value) => drop(expected.insert(key.clone(), value.clone())),
                    None => drop(expected.remove(key)),
                }
            }
            let found = after.pointer("/metadata/annotations").cloned().unwrap_or(json!({}));
            prop_assert_eq!(found, json!(expected));
        }
    }
}
