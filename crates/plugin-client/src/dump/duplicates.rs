//! An object that is there twice: once counts, and two versions of it are an error. Which of them is the newer one cannot be known.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::object::Object;
use crate::Failure;

/// Of each object its version, both as hashes: there may be hundreds of thousands.
#[derive(Debug, Default)]
pub struct Duplicates {
    seen: HashMap<u64, Seen>,
    files: Vec<String>,
}

#[derive(Debug)]
struct Seen {
    version: u64,
    /// By its position.
    file: usize,
}

impl Duplicates {
    /// Is it there for the first time?
    ///
    /// # Errors
    ///
    /// It has no name, or was there in another version.
    pub fn is_new(&mut self, metadata: &ObjectMeta, object: &Object<'_>) -> Result<bool, Failure> {
        self.is_new_as(metadata, object, object.text())
    }

    /// The same, where `content` is what two objects without a version are compared by.
    ///
    /// # Errors
    ///
    /// As of [`Self::is_new`].
    pub fn is_new_as(
        &mut self,
        metadata: &ObjectMeta,
        object: &Object<'_>,
        content: &str,
    ) -> Result<bool, Failure> {
        let name = metadata.name.as_deref().filter(|name| !name.is_empty());
        let Some(name) = name else { return Err(object.bad("it has no name")) };
        let version = match metadata.resource_version.as_deref().filter(|version| !version.is_empty()) {
            Some(version) => hash(&(&metadata.uid, version)),
            None => hash(&content),
        };
        let file = self.position(object.file());
        match self.seen.entry(hash(&(&object.kind, &metadata.namespace, name))) {
            Entry::Vacant(new) => {
                new.insert(Seen { version, file });
                Ok(true)
            }
            Entry::Occupied(known) if known.get().version == version => Ok(false),
            Entry::Occupied(known) => {
                let namespace = metadata.namespace.iter().map(|it| format!("{it}/"));
                let named: String = namespace.chain([name.to_owned()]).collect();
                let before = match self.files.get(known.get().file) {
                    Some(other) if known.get().file != file => format!("in {other} in another version"),
                    _ => "before, in another version".to_owned(),
                };
                let failure = object.bad(&format!("{named} was there {before}"));
                Err(failure.hint("read all kinds with one command, or remove the older file"))
            }
        }
    }

    fn position(&mut self, file: &str) -> usize {
        if self.files.last().is_none_or(|last| last != file) {
            self.files.push(file.to_owned());
        }
        self.files.len() - 1
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
