//! What must hold after every run of a plugin, checked from outside: its report against the watcher's record and the audit log.

mod cordons;
mod drain;
mod owners;
pub(crate) mod rollback;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::audit::{Audit, Entry};
use crate::record::{Event, Record};

impl Record {
    /// The pods whose removal was accepted, in the order of the answers: UID and request.
    fn removals<'a>(&self, audit: &'a Audit) -> Vec<(String, &'a Entry)> {
        let effective = audit.iter().filter(|entry| entry.is_removal() && entry.took_effect());
        effective.map(|entry| (self.target_uid(entry), entry)).collect()
    }

    /// The same, counted by UID.
    fn removals_by_uid(&self, audit: &Audit) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (uid, _) in self.removals(audit) {
            *counts.entry(uid).or_default() += 1;
        }
        counts
    }

    /// The UID precondition if there is one. Names are reused (StatefulSets), so without it the first pod of that name.
    fn target_uid(&self, entry: &Entry) -> String {
        let places = ["/deleteOptions/preconditions/uid", "/preconditions/uid"];
        let stated = places.iter().find_map(|at| entry.request_object.pointer(at)?.as_str());
        let same = |event: &&Event| {
            event.kind == "Pod"
                && event.name() == entry.name
                && event.object["metadata"]["namespace"] == *entry.namespace
        };
        let seen = || self.events.iter().find(same).map(Event::uid);
        stated.or_else(seen).unwrap_or(&entry.name).to_owned()
    }

    /// Everything seen of one pod.
    fn pod<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| event.kind == "Pod" && event.uid() == uid)
    }
}

fn rows(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

fn uid(object: &Value) -> &str {
    text(&object["metadata"], "uid")
}

/// The UID of the object that made this one and looks after it.
fn controller(object: &Value) -> Option<&Value> {
    rows(&object["metadata"]["ownerReferences"]).iter().find(|owner| owner["controller"] == true)
}

/// As in a path: `NAMESPACE/NAME`.
fn place(object: &Value) -> String {
    format!("{}/{}", text(&object["metadata"], "namespace"), text(&object["metadata"], "name"))
}

/// The resourceVersion of an answer or an object.
fn version(object: &Value) -> u64 {
    text(&object["metadata"], "resourceVersion").parse().unwrap_or_default()
}
