//! What many pods have in common is in memory once: pods of one template have the same labels, owner and images.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use cluster_model::owner::OwnerKey;

/// Lives as long as pods are read.
#[derive(Default)]
pub struct Interner {
    texts: HashSet<Arc<str>>,
    labels: HashSet<Arc<BTreeMap<String, String>>>,
    owners: HashSet<Arc<OwnerKey>>,
}

impl Interner {
    pub fn text(&mut self, text: &str) -> Arc<str> {
        shared(&mut self.texts, text, || text.into())
    }

    pub fn labels(&mut self, labels: Option<&BTreeMap<String, String>>) -> Arc<BTreeMap<String, String>> {
        match labels {
            Some(labels) => shared(&mut self.labels, labels, || Arc::new(labels.clone())),
            None => Arc::default(),
        }
    }

    pub fn owner(&mut self, owner: &OwnerKey) -> Arc<OwnerKey> {
        shared(&mut self.owners, owner, || Arc::new(owner.clone()))
    }
}

fn shared<T, Q>(known: &mut HashSet<Arc<T>>, value: &Q, new: impl FnOnce() -> Arc<T>) -> Arc<T>
where
    T: ?Sized + Eq + Hash,
    Q: ?Sized + Eq + Hash,
    Arc<T>: Borrow<Q>,
{
    if let Some(known) = known.get(value) {
        return known.clone();
    }
    let new = new();
    known.insert(new.clone());
    new
}
