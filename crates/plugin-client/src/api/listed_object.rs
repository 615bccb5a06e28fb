//! A raw object as it comes in lists: without the fields of managedFields, which are a third of its JSON and which only a change of the object
//! needs. Who wrote it, and when, stays.

use std::borrow::Cow;
use std::fmt::{Formatter, Result as Written};

use kube::Resource;
use kube::api::{ApiResource, ObjectMeta};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

use super::raw_object::RawObject;

const LEFT_OUT: &str = "fieldsV1";

#[derive(Clone, Debug)]
pub struct ListedObject(pub RawObject);

impl<'de> Deserialize<'de> for ListedObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Any.deserialize(deserializer)? {
            value @ Value::Object(_) => Ok(ListedObject(value.into())),
            _ => Err(D::Error::custom("an item of the list is no object")),
        }
    }
}

/// As serde_json makes its values, but for what is left out.
#[derive(Clone, Copy)]
struct Any;

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("any JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, it: bool) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_i64<E: Error>(self, it: i64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_u64<E: Error>(self, it: u64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_f64<E: Error>(self, it: f64) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_string<E: Error>(self, it: String) -> Result<Value, E> {
        Ok(it.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if name == LEFT_OUT {
                fields.next_value::<IgnoredAny>()?;
            } else {
                all.insert(name, fields.next_value_seed(self)?);
            }
        }
        Ok(Value::Object(all))
    }
}

impl Resource for ListedObject {
    type DynamicType = ApiResource;
    type Scope = <RawObject as Resource>::Scope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        RawObject::kind(resource)
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        RawObject::group(resource)
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        RawObject::version(resource)
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        RawObject::plural(resource)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_is_as_it_came_but_for_the_managed_fields() {
        let entry = json!({"manager": "m", "time": "2026-01-01T00:00:00Z", "subresource": "scale"});
        let mut object = json!({"metadata": {"name": "a \"quoted\" name", "managedFields": [entry]},
            "spec": {"replicas": 3, "negative": -1, "large": u64::MAX, "part": 0.5, "on": true, "none": null, "list": [1, [], {}]}});
        let expected = object.clone();
        object["metadata"]["managedFields"][0]["fieldsV1"] = json!({"f:spec": {"f:replicas": {}}});
        let read = |text: &str| serde_json::from_str::<ListedObject>(text).map(|it| it.0.value);
        assert_eq!(read(&object.to_string()).unwrap(), expected);
        for broken in ["{\"a\":", "null", "[]", "7"] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
