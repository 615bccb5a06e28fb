//! An object that is in a dump twice: once counts, and two versions of it are an error. Which of them is the newer one cannot be known.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use plugin_client::Failure;
use plugin_client::dump::Object;

use super::kind::Kind;

/// Of each object its version, both as hashes: there may be hundreds of thousands.
#[derive(Debug, Default)]
pub struct Duplicates(HashMap<u64, u64>);

impl Duplicates {
    /// Is it there for the first time?
    pub fn is_new(
        &mut self,
        kind: Kind,
        metadata: &ObjectMeta,
        object: &Object<'_>,
    ) -> Result<bool, Failure> {
        let name = metadata.name.as_deref().filter(|name| !name.is_empty());
        let Some(name) = name else { return Err(object.bad("it has no name")) };
        let version = match metadata.resource_version.as_deref().filter(|version| !version.is_empty()) {
            Some(version) => hash(&(&metadata.uid, version)),
            None => hash(&object.text()),
        };
        match self.0.entry(hash(&(kind.name(), &metadata.namespace, name))) {
            Entry::Vacant(new) => {
                new.insert(version);
                Ok(true)
            }
            Entry::Occupied(known) if *known.get() == version => Ok(false),
            Entry::Occupied(_) => {
                let namespace = metadata.namespace.iter().map(|it| format!("{it}/"));
                let named: String = namespace.chain([name.to_owned()]).collect();
                let failure = object.bad(&format!("{named} was there before, in another version"));
                Err(failure.hint("read all kinds with one command, or remove the older file"))
            }
        }
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
