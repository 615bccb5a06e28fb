//! Puts an object into words, field by field; what nobody asked for is shown as it is written.

use serde_json::{Map, Value};

use super::rest::{compact, leaf};

pub struct Reader {
    left: Map<String, Value>,
    parts: Vec<String>,
}

impl Reader {
    pub fn new(map: &Map<String, Value>) -> Self {
        Reader { left: map.clone(), parts: Vec::new() }
    }

    /// Takes a string; anything else is shown at the end.
    pub fn text(&mut self, key: &str) -> Option<String> {
        let text = self.left.get(key)?.as_str()?.to_owned();
        self.left.remove(key);
        Some(text)
    }

    pub fn number(&mut self, key: &str) -> Option<i64> {
        let number = self.left.get(key)?.as_i64()?;
        self.left.remove(key);
        Some(number)
    }

    pub fn flag(&mut self, key: &str) -> Option<bool> {
        let flag = self.left.get(key)?.as_bool()?;
        self.left.remove(key);
        Some(flag)
    }

    /// A string or a number, as ports and amounts are.
    pub fn scalar(&mut self, key: &str) -> Option<String> {
        let value = self.left.get(key)?;
        if !(value.is_string() || value.is_number()) {
            return None;
        }
        self.left.remove(key).map(|value| leaf(&value))
    }

    pub fn list(&mut self, key: &str) -> Option<Vec<Value>> {
        let list = self.left.get(key)?.as_array()?.clone();
        self.left.remove(key);
        Some(list)
    }

    pub fn object(&mut self, key: &str) -> Option<Map<String, Value>> {
        let map = self.left.get(key)?.as_object()?.clone();
        self.left.remove(key);
        Some(map)
    }

    pub fn add(&mut self, text: impl Into<String>) {
        self.parts.push(text.into());
    }

    /// `key` followed by the scalar under it, if there is one.
    pub fn add_scalar(&mut self, word: &str, key: &str) {
        if let Some(value) = self.scalar(key) {
            self.add(format!("{word} {value}"));
        }
    }

    /// The word when the flag is set; the flag itself when it is not.
    pub fn add_flag(&mut self, word: &str, key: &str) {
        match self.flag(key) {
            Some(true) => self.add(word),
            Some(false) => self.add(format!("{key}: false")),
            None => {}
        }
    }

    pub fn done(mut self) -> String {
        let left: Vec<String> =
            self.left.iter().map(|(key, value)| format!("{key}: {}", compact(value))).collect();
        self.parts.extend(left);
        self.parts.join(" ")
    }
}
