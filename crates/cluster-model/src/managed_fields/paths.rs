//! Sets of fields as managedFields note them (fieldsV1), and who manages them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Entry;
use crate::Raw;

/// A path through fieldsV1: `f:spec`, `f:template`, `k:{"name":"web"}`, …
pub type Path = Vec<String>;
pub type Paths = BTreeSet<Path>;

/// Who manages a set of fields (structured-merge-diff keeps one entry for each).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldManager {
    pub manager: String,
    pub operation: String,
    api_version: String,
}

impl FieldManager {
    /// `None` for entries of subresources: their fields are never written here.
    pub fn of(entry: &Value) -> Option<FieldManager> {
        let entry = Entry::of(entry);
        entry.subresource.is_empty().then(|| FieldManager {
            manager: entry.manager.to_owned(),
            operation: entry.operation.to_owned(),
            api_version: entry.api_version.to_owned(),
        })
    }
}

pub fn owned(object: &Value) -> BTreeMap<FieldManager, Paths> {
    let entries = object.list("/metadata/managedFields").iter();
    entries.filter_map(manager_and_paths).collect()
}

pub fn manager_and_paths(entry: &Value) -> Option<(FieldManager, Paths)> {
    Some((FieldManager::of(entry)?, paths(&entry["fieldsV1"])))
}

/// The members of a fieldsV1 set: an empty map is one, and so is whatever holds `.`.
pub fn paths(fields: &Value) -> Paths {
    fn walk(fields: &Value, at: &mut Path, found: &mut Paths) {
        for (key, below) in fields.as_object().into_iter().flatten() {
            if key == "." {
                found.insert(at.clone());
                continue;
            }
            at.push(key.clone());
            if below.as_object().is_none_or(Map::is_empty) {
                found.insert(at.clone());
            } else {
                walk(below, at, found);
            }
            at.pop();
        }
    }
    let mut found = Paths::new();
    walk(fields, &mut Path::new(), &mut found);
    found
}

/// The other way round.
pub fn fields(paths: &Paths) -> Value {
    fn tree<'a>(paths: impl Iterator<Item = &'a [String]>) -> Map<String, Value> {
        let mut below: BTreeMap<&String, Vec<&[String]>> = BTreeMap::new();
        for path in paths {
            if let Some((first, rest)) = path.split_first() {
                below.entry(first).or_default().push(rest);
            }
        }
        let branch = |rests: Vec<&[String]>| {
            let member = rests.iter().any(|rest| rest.is_empty());
            let mut inside = tree(rests.into_iter());
            if member && !inside.is_empty() {
                inside.insert(".".to_owned(), json!({}));
            }
            Value::Object(inside)
        };
        below.into_iter().map(|(key, rests)| (key.clone(), branch(rests))).collect()
    }
    Value::Object(tree(paths.iter().map(Vec::as_slice)))
}
