//! The judge itself: each invariant is broken once, by a record made by hand, and must be reported; the same without the fault is not.

mod drain;
mod rollback;

use std::time::Instant;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::audit::{Audit, Entry};
use crate::record::{Change, End, Event, Record};

/// So many milliseconds after the beginning.
fn at(milliseconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_millis(1_000_000 + milliseconds)
}

fn event(version: u64, change: Change, kind: &'static str, mut object: Value) -> Event {
    object["metadata"]["resourceVersion"] = json!(version.to_string());
    Event { version, change, kind, object, at: Instant::now() }
}

/// A request that arrives then and is answered ten milliseconds later.
fn request(received: i64, verb: &str, resource: &str, name: &str) -> Entry {
    Entry {
        received: at(received),
        answered: at(received + 10),
        verb: verb.to_owned(),
        user_agent: "kubectl-plugin/1".to_owned(),
        resource: resource.to_owned(),
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        code: 200,
        uri: format!("/{resource}/{name}"),
        ..Entry::default()
    }
}

/// The plugin's requests are part of all requests.
fn record(events: Vec<Event>, end: End, own: &[Entry], others: &[Entry]) -> (Record, Audit) {
    let requests = Audit([own, others].concat());
    (Record { events, requests, end }, Audit(own.to_vec()))
}

#[track_caller]
fn assert_broken(broken: &[String], parts: &[&str]) {
    assert!(
        broken.iter().any(|line| parts.iter().all(|part| line.contains(part))),
        "no {parts:?} in {broken:#?}"
    );
}
