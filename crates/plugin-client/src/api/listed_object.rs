//! A raw object as it comes in lists: without the fields of managedFields, which are a third of its JSON and which only a change of the object
//! needs (who wrote it, and when, stays), and without what kubectl applied last, which repeats the object.

use std::borrow::Cow;
use std::fmt::{Formatter, Result as Written};

use cluster_model::Raw;
use kube::Resource;
use kube::api::{ApiResource, ObjectMeta};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

use super::raw_object::RawObject;

const LEFT_OUT: [&str; 2] = ["fieldsV1", "kubectl.kubernetes.io/last-applied-configuration"];

#[derive(Clone, Debug)]
pub struct ListedObject(pub RawObject);

impl<'de> Deserialize<'de> for ListedObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields { owners: &[] })
    }
}

/// A ReplicaSet or a Job in a list: of one whose template its Deployment or CronJob has, the spec is skipped. There are as many of them as the
/// owners keep revisions.
#[derive(Clone, Debug)]
pub struct ListedOwned(pub ListedObject);

/// Kinds that have the template of what they own.
pub const TEMPLATE_OWNERS: [&str; 2] = ["Deployment", "CronJob"];

impl<'de> Deserialize<'de> for ListedOwned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields { owners: &TEMPLATE_OWNERS }).map(ListedOwned)
    }
}

/// The fields of an object; with no spec, if its controller is of one of these kinds.
struct Fields {
    owners: &'static [&'static str],
}

impl<'de> Visitor<'de> for Fields {
    type Value = ListedObject;

    fn expecting(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<ListedObject, A::Error> {
        let mut object = Value::Object(Map::new());
        while let Some(name) = fields.next_key::<String>()? {
            let is_owned =
                || object.controller_ref().is_some_and(|it| self.owners.contains(&it.text("/kind")));
            if name == "spec" && is_owned() {
                fields.next_value::<IgnoredAny>()?;
            } else {
                object[name] = fields.next_value_seed(Any)?;
            }
        }
        Ok(ListedObject(object.into()))
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
            if LEFT_OUT.contains(&name.as_str()) {
                fields.next_value::<IgnoredAny>()?;
            } else {
                all.insert(name, fields.next_value_seed(self)?);
            }
        }
        Ok(Value::Object(all))
    }
}

/// As the object within it.
macro_rules! is_resource {
    ($type:ty, $($object:tt).+) => {
        impl Resource for $type {
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
                self.$($object).+.meta()
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                self.$($object).+.meta_mut()
            }
        }
    };
}

is_resource!(ListedObject, 0);
is_resource!(ListedOwned, 0.0);

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
        let applied = json!({"metadata": {"annotations": {LEFT_OUT[1]: "{}", "note": "x"}}});
        assert_eq!(read(&applied.to_string()).unwrap(), json!({"metadata": {"annotations": {"note": "x"}}}));
    }

    #[test]
    fn a_template_that_the_owner_has_is_not_read() {
        let read = |owner: &str, is_controller: bool| {
            let owners = json!([{"kind": owner, "name": "o", "uid": "o", "controller": is_controller}]);
            let object = json!({"metadata": {"name": "x", "ownerReferences": owners}, "spec": {"replicas": 1}, "status": {"replicas": 1}});
            let read = serde_json::from_str::<ListedOwned>(&object.to_string()).unwrap().0.0.value;
            assert_eq!(read["status"], object["status"]);
            read["spec"].is_object()
        };
        assert!(!read("Deployment", true) && !read("CronJob", true));
        assert!(read("Rollout", true), "its owner is not read");
        assert!(read("Deployment", false), "it is not its controller");
    }
}
