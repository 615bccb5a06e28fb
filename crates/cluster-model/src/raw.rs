//! Reading objects that stay raw JSON. Templates do: a typed struct drops unknown fields, and writing it back would delete them.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

/// Everything by JSON pointer (RFC 6901); what is not there reads as empty.
pub trait Raw {
    fn text(&self, pointer: &str) -> &str;
    fn number(&self, pointer: &str) -> Option<i64>;
    fn time(&self, pointer: &str) -> Option<Timestamp>;
    fn list(&self, pointer: &str) -> &[Value];
    fn map(&self, pointer: &str) -> Option<&Map<String, Value>>;
    /// `metadata.annotations[key]`, without the escaping a pointer needs.
    fn annotation(&self, key: &str) -> Option<&str>;
    fn label(&self, key: &str) -> Option<&str>;
    fn name(&self) -> &str;
    fn uid(&self) -> &str;
    /// The owner that is the controller (`metav1.GetControllerOf`).
    fn controller_ref(&self) -> Option<&Value>;
    /// By UID: a later owner of the same name is another one.
    fn is_controlled_by(&self, uid: &str) -> bool;
}

impl Raw for Value {
    fn text(&self, pointer: &str) -> &str {
        self.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn number(&self, pointer: &str) -> Option<i64> {
        self.pointer(pointer).and_then(Value::as_i64)
    }

    fn time(&self, pointer: &str) -> Option<Timestamp> {
        self.text(pointer).parse().ok()
    }

    fn list(&self, pointer: &str) -> &[Value] {
        self.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    fn map(&self, pointer: &str) -> Option<&Map<String, Value>> {
        self.pointer(pointer).and_then(Value::as_object)
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.map("/metadata/annotations")?.get(key)?.as_str()
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.map("/metadata/labels")?.get(key)?.as_str()
    }

    fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    fn uid(&self) -> &str {
        self.text("/metadata/uid")
    }

    fn is_controlled_by(&self, uid: &str) -> bool {
        self.controller_ref().is_some_and(|owner| owner["uid"] == uid)
    }

    fn controller_ref(&self) -> Option<&Value> {
        self.list("/metadata/ownerReferences").iter().find(|owner| owner["controller"] == true)
    }
}
