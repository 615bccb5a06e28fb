//! Objects by UID.

use std::collections::HashMap;

/// In no order.
pub struct Store<K> {
    pub all: Vec<K>,
    at: HashMap<String, usize>,
    uid: fn(&K) -> &str,
}

impl<K> Store<K> {
    pub fn new(uid: fn(&K) -> &str) -> Self {
        Store { all: Vec::new(), at: HashMap::new(), uid }
    }

    pub fn put(&mut self, object: K) {
        let uid = (self.uid)(&object).to_owned();
        match self.at.get(&uid) {
            Some(at) => self.all[*at] = object,
            None => {
                self.at.insert(uid, self.all.len());
                self.all.push(object);
            }
        }
    }

    /// Was it there?
    pub fn remove(&mut self, object: &K) -> bool {
        self.remove_uid((self.uid)(object))
    }

    pub fn remove_uid(&mut self, uid: &str) -> bool {
        let Some(at) = self.at.remove(uid) else { return false };
        self.all.swap_remove(at);
        if let Some(moved) = self.all.get(at) {
            self.at.insert((self.uid)(moved).to_owned(), at);
        }
        true
    }

    pub fn replace(&mut self, objects: impl IntoIterator<Item = K>) {
        self.all.clear();
        self.at.clear();
        objects.into_iter().for_each(|object| self.put(object));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cluster_model::Raw;
    use serde_json::{Value, json};

    #[test]
    fn a_store_follows_what_comes_and_goes() {
        let object = |uid: &str, at: i64| json!({"metadata": {"uid": uid}, "at": at});
        let mut store = Store::new(<Value as Raw>::uid);
        let seen = |store: &Store<Value>| {
            let mut all: Vec<String> =
                store.all.iter().map(|object| format!("{}{}", object.uid(), object["at"])).collect();
            all.sort();
            all.join(" ")
        };
        store.replace([object("a", 1), object("b", 1), object("c", 1)]);
        store.put(object("b", 2));
        store.put(object("d", 1));
        assert_eq!(seen(&store), "a1 b2 c1 d1");
        assert!(store.remove(&object("a", 1)) && !store.remove(&object("x", 1)));
        store.put(object("d", 2));
        assert_eq!(seen(&store), "b2 c1 d2");
        store.replace([object("e", 1)]);
        assert_eq!(seen(&store), "e1");
    }
}
