//! The type itself, and how it is read.

use std::iter::Map;
use std::ops::Index;
use std::slice;
use std::sync::Arc;

use serde_json::{Number, Value};

use crate::raw::{Raw, unescaped};

/// Made by a [`Pool`], and only read. Its methods are those of [`Value`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Json {
    Null,
    Bool(bool),
    Number(Number),
    String(Arc<str>),
    Array(Arc<[Json]>),
    Object(Members),
}

/// The members of an object, by key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Members(pub(super) Arc<[Member]>);

pub(super) type Member = (Arc<str>, Json);

static NULL: Json = Json::Null;

impl Json {
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_object()?.get(key)
    }

    pub fn is_null(&self) -> bool {
        *self == Json::Null
    }

    pub fn is_object(&self) -> bool {
        self.as_object().is_some()
    }

    /// A copy that can be changed.
    pub fn to_value(&self) -> Value {
        match self {
            Json::Null => Value::Null,
            Json::Bool(it) => Value::Bool(*it),
            Json::Number(number) => Value::Number(number.clone()),
            Json::String(text) => Value::String(text.to_string()),
            Json::Array(items) => items.iter().map(Json::to_value).collect(),
            Json::Object(members) => members.iter().map(|(key, value)| (key, value.to_value())).collect(),
        }
    }
}

impl Members {
    pub fn get(&self, key: &str) -> Option<&Json> {
        let at = self.0.binary_search_by(|(own, _)| (**own).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    pub fn iter(&self) -> Iter<'_> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

type Iter<'m> = Map<slice::Iter<'m, Member>, fn(&'m Member) -> (&'m str, &'m Json)>;

impl<'m> IntoIterator for &'m Members {
    type Item = (&'m str, &'m Json);
    type IntoIter = Iter<'m>;

    fn into_iter(self) -> Iter<'m> {
        self.iter()
    }
}

/// What is not there is null.
impl Index<&str> for Json {
    type Output = Json;

    fn index(&self, key: &str) -> &Json {
        self.get(key).unwrap_or(&NULL)
    }
}

impl PartialEq<str> for Json {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Json {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

impl PartialEq<bool> for Json {
    fn eq(&self, other: &bool) -> bool {
        *self == Json::Bool(*other)
    }
}

impl PartialEq<i64> for Json {
    fn eq(&self, other: &i64) -> bool {
        self.as_i64() == Some(*other)
    }
}

impl Raw for Json {
    type Map = Members;

    fn pointer(&self, pointer: &str) -> Option<&Json> {
        if pointer.is_empty() {
            return Some(self);
        }
        let mut keys = pointer.strip_prefix('/')?.split('/');
        keys.try_fold(self, |within, key| match within {
            Json::Object(members) if key.contains('~') => members.get(&unescaped(key)),
            Json::Object(members) => members.get(key),
            Json::Array(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        })
    }

    fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    fn as_object(&self) -> Option<&Members> {
        match self {
            Json::Object(members) => Some(members),
            _ => None,
        }
    }

    fn member<'a>(map: &'a Members, key: &str) -> Option<&'a Json> {
        map.get(key)
    }

    fn members(map: &Members) -> impl Iterator<Item = (&str, &Json)> {
        map.iter()
    }

    fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(it) => Some(*it),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pool;
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;

    fn arbitrary() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-c/~]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c/~]{0,2}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_reads_as_the_value_that_it_was_made_of(value in arbitrary(), pointer in "(/[a-c0-1~]{0,2}){0,3}") {
            let json = Pool::default().json(&value);
            prop_assert_eq!(&json.to_value(), &value);
            prop_assert_eq!(&Value::deserialize(&json).unwrap(), &value);
            prop_assert_eq!(json.pointer(&pointer).map(Json::to_value), value.pointer(&pointer).cloned());
            prop_assert_eq!(json.text(&pointer), value.text(&pointer));
            prop_assert_eq!(json.number(&pointer), value.number(&pointer));
            prop_assert_eq!(json.list(&pointer).len(), value.list(&pointer).len());
        }
    }

    #[test]
    fn equal_parts_are_in_memory_once() {
        let mut pool = Pool::default();
        let probe = json!({"httpGet": {"path": "/live", "port": 80}});
        let [a, b] = ["a", "b"].map(|name| pool.json(&json!({"name": name, "livenessProbe": probe})));
        let (Json::Object(a), Json::Object(b)) = (&a["livenessProbe"], &b["livenessProbe"]) else {
            panic!("no objects")
        };
        assert!(Arc::ptr_eq(&a.0, &b.0));
    }

    #[test]
    fn what_is_not_there_is_null() {
        let json = Pool::default().json(&json!({"a": {"b": true, "c": "x", "d": 1}}));
        assert!(json["a"]["x"]["y"].is_null() && json["a"]["c"]["b"].is_null());
        assert!(json["a"]["b"] == true && json["a"]["c"] == "x" && json["a"]["d"] == 1);
        assert!(json["a"].is_object() && json["a"]["x"] != false);
    }
}
