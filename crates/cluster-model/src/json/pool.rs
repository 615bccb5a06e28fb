//! The parts that are known already.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::value::{Json, Member, Members};

/// Lives as long as JSON is made that is to share its parts.
#[derive(Default)]
pub struct Pool {
    texts: HashSet<Arc<str>>,
    arrays: HashSet<Arc<[Json]>>,
    objects: HashSet<Arc<[Member]>>,
}

impl Pool {
    pub fn json(&mut self, value: &Value) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Bool(it) => Json::Bool(*it),
            Value::Number(number) => Json::Number(number.clone()),
            Value::String(text) => Json::String(self.text(text)),
            Value::Array(items) => {
                let items: Vec<Json> = items.iter().map(|it| self.json(it)).collect();
                Json::Array(known(&mut self.arrays, items))
            }
            Value::Object(map) => {
                let mut members: Vec<Member> =
                    map.iter().map(|(key, value)| (self.text(key), self.json(value))).collect();
                // With its feature preserve_order serde_json keeps them as they were written.
                members.sort_by(|(a, _), (b, _)| a.cmp(b));
                Json::Object(Members(known(&mut self.objects, members)))
            }
        }
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.texts.insert(new.clone());
        new
    }
}

fn known<T: Eq + std::hash::Hash>(all: &mut HashSet<Arc<[T]>>, items: Vec<T>) -> Arc<[T]> {
    if let Some(known) = all.get(&*items) {
        return known.clone();
    }
    let new: Arc<[T]> = items.into();
    all.insert(new.clone());
    new
}
