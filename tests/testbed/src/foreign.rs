//! Whether a rollback left alone what is not its own.

use serde_json::{Map, Value};

/// What changes by itself when the template does.
const OWN: [(&str, &str); 5] = [
    ("", "status"),
    ("/spec", "template"),
    ("/metadata", "generation"),
    ("/metadata", "managedFields"),
    ("/metadata", "resourceVersion"),
];

/// The JSON pointers at which two versions of an object differ, apart from the pod template, the status, what the server counts
/// by itself, and the annotations whose keys are `allowed`.
pub fn foreign_unchanged(before: &Value, after: &Value, allowed: &[&str]) -> Vec<String> {
    let mut differing = Vec::new();
    compare(&foreign(before, allowed), &foreign(after, allowed), "", &mut differing);
    differing
}

fn foreign(object: &Value, allowed: &[&str]) -> Value {
    let mut object = object.clone();
    let annotations = allowed.iter().map(|key| ("/metadata/annotations", *key));
    for (parent, key) in OWN.into_iter().chain(annotations) {
        if let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.remove(key);
        }
    }
    // The server drops an empty map.
    if object.pointer("/metadata/annotations").and_then(Value::as_object).is_some_and(Map::is_empty) {
        object["metadata"].as_object_mut().and_then(|metadata| metadata.remove("annotations"));
    }
    object
}

fn compare(before: &Value, after: &Value, at: &str, differing: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let added = after.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(added) {
                let inside = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                match (before.get(key), after.get(key)) {
                    (Some(before), Some(after)) => compare(before, after, &inside, differing),
                    _ => differing.push(inside),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                compare(before, after, &format!("{at}/{index}"), differing);
            }
        }
        _ if before == after => {}
        _ => differing.push(at.to_owned()),
    }
}
