//! Reading objects that stay raw JSON. Templates do: a typed struct drops unknown fields, and writing it back would delete them.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

/// Everything by JSON pointer (RFC 6901); what is not there reads as empty.
pub trait Raw: Sized + 'static {
    /// What an object has.
    type Map;

    fn pointer(&self, pointer: &str) -> Option<&Self>;
    fn as_str(&self) -> Option<&str>;
    fn as_i64(&self) -> Option<i64>;
    fn as_array(&self) -> Option<&[Self]>;
    fn as_object(&self) -> Option<&Self::Map>;
    fn member<'a>(map: &'a Self::Map, key: &str) -> Option<&'a Self>;
    fn members(map: &Self::Map) -> impl Iterator<Item = (&str, &Self)>;
    fn as_bool(&self) -> Option<bool>;

    fn text(&self, pointer: &str) -> &str {
        self.pointer(pointer).and_then(Self::as_str).unwrap_or_default()
    }

    fn number(&self, pointer: &str) -> Option<i64> {
        self.pointer(pointer).and_then(Self::as_i64)
    }

    fn time(&self, pointer: &str) -> Option<Timestamp> {
        self.text(pointer).parse().ok()
    }

    fn list(&self, pointer: &str) -> &[Self] {
        self.pointer(pointer).and_then(Self::as_array).unwrap_or_default()
    }

    fn map(&self, pointer: &str) -> Option<&Self::Map> {
        self.pointer(pointer).and_then(Self::as_object)
    }

    /// `metadata.annotations[key]`, without the escaping a pointer needs.
    fn annotation(&self, key: &str) -> Option<&str> {
        Self::member(self.map("/metadata/annotations")?, key)?.as_str()
    }

    fn label(&self, key: &str) -> Option<&str> {
        Self::member(self.map("/metadata/labels")?, key)?.as_str()
    }

    /// Values that are no text do not match anything.
    fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.map("/metadata/labels").map(Self::members).into_iter().flatten();
        labels.filter_map(|(key, value)| Some((key.to_owned(), value.as_str()?.to_owned()))).collect()
    }

    fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    /// By UID: a later owner of the same name is another one.
    fn is_controlled_by(&self, uid: &str) -> bool {
        self.controller_ref().is_some_and(|owner| owner.text("/uid") == uid)
    }

    /// The owner that is the controller (`metav1.GetControllerOf`).
    fn controller_ref(&self) -> Option<&Self> {
        self.list("/metadata/ownerReferences")
            .iter()
            .find(|owner| owner.pointer("/controller").and_then(Self::as_bool) == Some(true))
    }
}

/// A key as one step of a JSON pointer.
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The key that a step of a JSON pointer means.
pub fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

impl Raw for Value {
    type Map = Map<String, Value>;

    fn pointer(&self, pointer: &str) -> Option<&Value> {
        Value::pointer(self, pointer)
    }

    fn as_str(&self) -> Option<&str> {
        Value::as_str(self)
    }

    fn as_i64(&self) -> Option<i64> {
        Value::as_i64(self)
    }

    fn as_array(&self) -> Option<&[Value]> {
        Value::as_array(self).map(Vec::as_slice)
    }

    fn as_object(&self) -> Option<&Map<String, Value>> {
        Value::as_object(self)
    }

    fn member<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
        map.get(key)
    }

    fn members(map: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
        map.iter().map(|(key, value)| (key.as_str(), value))
    }

    fn as_bool(&self) -> Option<bool> {
        Value::as_bool(self)
    }
}
