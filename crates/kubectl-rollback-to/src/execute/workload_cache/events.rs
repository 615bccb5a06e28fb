//! Events about a workload and its pods: the newest of each object, of so many objects, and none of pods that are gone. A pod that
//! crashes for hours, or a rollout of thousands, must not fill the memory.

use std::collections::{HashMap, VecDeque};

use cluster_model::Raw;
use serde_json::Value;

use super::store::Store;

/// Events of one object that are kept: an explanation needs the newest of a handful of reasons.
const OF_ONE: usize = 16;
/// Objects whose events are kept.
const OBJECTS: usize = 4096;

pub struct Events {
    store: Store<Value>,
    /// UIDs of events by UID of what they are about, oldest first.
    by_object: HashMap<String, VecDeque<String>>,
    /// UIDs of what they are about, in the order of the first event.
    objects: VecDeque<String>,
}

impl Events {
    pub fn new() -> Self {
        Events { store: Store::new(Raw::uid), by_object: HashMap::new(), objects: VecDeque::new() }
    }

    pub fn all(&self) -> &[Value] {
        &self.store.all
    }

    pub fn replace(&mut self, events: impl IntoIterator<Item = Value>) {
        *self = Events::new();
        events.into_iter().for_each(|event| self.put(event));
    }

    pub fn put(&mut self, event: Value) {
        let (uid, about) = (event.uid().to_owned(), event.text("/regarding/uid").to_owned());
        self.store.put(event);
        if !self.by_object.contains_key(&about) {
            self.objects.push_back(about.clone());
        }
        let events = self.by_object.entry(about).or_default();
        // An event that is repeated is the newest again.
        events.retain(|other| *other != uid);
        events.push_back(uid);
        if events.len() > OF_ONE
            && let Some(oldest) = events.pop_front()
        {
            self.store.remove_uid(&oldest);
        }
        if self.objects.len() > OBJECTS
            && let Some(oldest) = self.objects.front().cloned()
        {
            self.forget(&oldest);
        }
    }

    /// It is gone, and the events about it are of no use any more.
    pub fn forget(&mut self, object: &str) {
        let Some(events) = self.by_object.remove(object) else { return };
        self.objects.retain(|other| other != object);
        for uid in &events {
            self.store.remove_uid(uid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(uid: &str, about: &str) -> Value {
        json!({"metadata": {"uid": uid}, "regarding": {"uid": about}})
    }

    fn uids(events: &Events) -> Vec<&str> {
        let mut uids: Vec<&str> = events.all().iter().map(Raw::uid).collect();
        uids.sort_unstable();
        uids
    }

    #[test]
    fn the_newest_of_each_object_are_kept() {
        let mut events = Events::new();
        events.put(event("kept", "pod-1"));
        for n in 0..OF_ONE {
            events.put(event(&format!("e{n:02}"), "pod-2"));
        }
        events.put(event("e00", "pod-2"));
        events.put(event("new", "pod-2"));
        assert_eq!(events.all().len(), OF_ONE + 1);
        let left = uids(&events);
        assert!(
            left.contains(&"e00")
                && left.contains(&"new")
                && left.contains(&"kept")
                && !left.contains(&"e01")
        );
    }

    #[test]
    fn what_is_gone_is_forgotten_and_objects_are_limited() {
        let mut events = Events::new();
        for n in 0..OBJECTS + 10 {
            events.put(event(&format!("e{n}"), &format!("pod-{n}")));
        }
        assert_eq!(events.all().len(), OBJECTS);
        assert!(!uids(&events).contains(&"e9") && uids(&events).contains(&"e10"));
        events.forget("pod-10");
        events.forget("pod-10");
        assert!(!uids(&events).contains(&"e10"));
        assert_eq!((events.all().len(), events.objects.len()), (OBJECTS - 1, OBJECTS - 1));
        events.replace([event("a", "b")]);
        assert_eq!(uids(&events), ["a"]);
    }
}
