//! As the value that it was made of.

use serde::{Serialize, Serializer};

use super::value::Json;

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(it) => serializer.serialize_bool(*it),
            Json::Number(number) => number.serialize(serializer),
            Json::String(text) => serializer.serialize_str(text),
            Json::Array(items) => serializer.collect_seq(items.iter()),
            Json::Object(members) => serializer.collect_map(members),
        }
    }
}
