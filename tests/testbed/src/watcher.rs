//! The independent witness: its own thread, its own connection, every event of a room as the server sends it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::io::AsyncBufReadExt;
use futures::stream::TryStreamExt;
use http::Request;
use serde_json::{Value, json};

use crate::audit::Mark;
use crate::cluster::Cluster;
use crate::driver::Driver;
use crate::nodes::NODES;
use crate::record::{Change, End, Event, Record};
use crate::room::Room;
use crate::wait::{PATIENCE, wait};

/// What it looks at in the room's namespace; the room's nodes come on top.
const KINDS: [&str; 7] = [
    "Pod",
    "PodDisruptionBudget",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ControllerRevision",
];

/// Watches from `start` until `finish`.
pub struct Watcher<'a> {
    cluster: &'a Cluster,
    nodes: Vec<String>,
    streams: Vec<Stream>,
    mark: Mark,
    /// The lists from when the run had ended, one for each stream.
    lists: Vec<Value>,
    end: End,
    // Its end ends the streams.
    _driver: Driver,
}

/// One watched resource.
struct Stream {
    kind: &'static str,
    path: String,
    selector: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    events: Vec<Event>,
    /// What there is now: UID to (resourceVersion, object).
    alive: HashMap<String, (u64, Value)>,
    /// The initial events are all here.
    synced: bool,
}

impl<'a> Watcher<'a> {
    /// Returns when everything that is there already has been seen.
    #[track_caller]
    pub fn start(cluster: &'a Cluster, room: &Room<'_>) -> Self {
        let mark = cluster.audit_mark();
        let driver = Driver::start();
        let client = driver.and_then(|driver| {
            let client = cluster.new_client(&driver, "testbed-watcher")?;
            Ok((driver, client))
        });
        let (driver, client) = client.unwrap_or_else(|error| panic!("no connection to watch with: {error}"));
        let inside = KINDS.into_iter().map(|kind| (kind, room.path_of(kind, ""), String::new()));
        let nodes = ("Node", NODES.to_owned(), format!("labelSelector={}", room.node_selector()));
        let streams: Vec<Stream> = inside
            .chain([nodes])
            .map(|(kind, path, selector)| Stream { kind, path, selector, seen: Arc::default() })
            .collect();
        for stream in &streams {
            let watch = watch(client.clone(), stream.kind, stream.url(), Arc::clone(&stream.seen));
            driver.handle().spawn(watch);
        }
        wait("the watcher to see what is there", PATIENCE, || {
            streams.iter().all(|stream| lock(&stream.seen).synced).then_some(())
        });
        let (nodes, lists, end) = (room.nodes().to_vec(), Vec::new(), End::default());
        Self { cluster, nodes, streams, mark, lists, end, _driver: driver }
    }

    /// Reads the final state itself, now that the run has ended (`at`): the run's own report is compared with it.
    #[track_caller]
    pub fn look(&mut self, at: Option<Instant>) {
        // First of all, because others go on.
        let on =
            |node: &String| self.cluster.list(&format!("/api/v1/pods?fieldSelector=spec.nodeName={node}"));
        let on_nodes = self.nodes.iter().flat_map(on).collect();
        let list = |stream: &Stream| self.cluster.get(&format!("{}?{}", stream.path, stream.selector));
        self.lists = self.streams.iter().map(list).collect();
        let items = |(stream, list): (&Stream, &Value)| {
            let items = list["items"].as_array().cloned().unwrap_or_default();
            items.into_iter().map(|object| (stream.kind, object)).collect::<Vec<_>>()
        };
        let objects = self.streams.iter().zip(&self.lists).flat_map(items).collect();
        self.end = End { at, on_nodes, objects };
    }

    /// Returns when everything that happened until the look at the end (now, if there was none) has been seen.
    #[track_caller]
    pub fn finish(mut self) -> Record {
        if self.lists.is_empty() {
            self.look(None);
        }
        for (stream, list) in self.streams.iter().zip(&self.lists) {
            wait("the watcher to catch up", PATIENCE, || stream.caught_up(list).then_some(()));
        }
        let requests = self.cluster.audit_since(self.mark);
        let mut events: Vec<Event> =
            self.streams.iter().flat_map(|stream| std::mem::take(&mut lock(&stream.seen).events)).collect();
        // Many streams, one history: etcd numbers all changes in one order.
        events.sort_by_key(|event| event.version);
        Record { events, requests, end: self.end }
    }
}

impl Stream {
    fn url(&self) -> String {
        format!(
            "{}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&{}",
            self.path, self.selector
        )
    }

    /// Every object of the list has been seen at least as new, and what it lacks has been seen to go; what
    /// was made after the list may be here too.
    fn caught_up(&self, list: &Value) -> bool {
        let seen = lock(&self.seen);
        let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
        let is_seen = |object: &Value| {
            let newest = seen.events.iter().rev().find(|event| event.uid() == uid(object));
            newest.is_some_and(|event| event.version >= version(object))
        };
        let listed: HashSet<&str> = items.iter().map(uid).collect();
        let is_known = |(uid, (newest, _)): (&String, &(u64, Value))| {
            listed.contains(uid.as_str()) || *newest > version(list)
        };
        items.iter().all(is_seen) && seen.alive.iter().all(is_known)
    }
}

/// Watches for ever; a broken or expired stream is begun anew, and what went meanwhile is recorded as deleted.
async fn watch(client: kube::Client, kind: &'static str, url: String, seen: Arc<Mutex<Seen>>) {
    loop {
        let _ = stream(&client, kind, &url, &seen).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn stream(
    client: &kube::Client,
    kind: &'static str,
    url: &str,
    seen: &Mutex<Seen>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut lines = client.request_stream(Request::get(url).body(Vec::new())?).await?.lines();
    let mut initial = Some(Vec::new());
    while let Some(line) = lines.try_next().await? {
        let mut event: Value = serde_json::from_str(&line)?;
        let object = event["object"].take();
        let mut seen = lock(seen);
        match event["type"].as_str() {
            Some("ADDED" | "MODIFIED") => {
                if let Some(initial) = &mut initial {
                    initial.push(uid(&object).to_owned());
                }
                seen.put(kind, object);
            }
            Some("DELETED") => seen.remove(kind, object),
            Some("BOOKMARK") => {
                if let Some(present) = initial.take() {
                    seen.forget_all_but(kind, &present, version(&object));
                    seen.synced = true;
                }
            }
            // An error, such as a version that is too old: begin anew.
            _ => return Ok(()),
        }
    }
    Ok(())
}

impl Seen {
    fn put(&mut self, kind: &'static str, object: Value) {
        let (uid, version) = (uid(&object).to_owned(), version(&object));
        let change = match self.alive.get(&uid) {
            // Known from before the stream broke.
            Some((known, _)) if *known == version => return,
            Some(_) => Change::Modified,
            None => Change::Added,
        };
        self.alive.insert(uid, (version, object.clone()));
        self.events.push(Event { version, change, kind, object, at: Instant::now() });
    }

    fn remove(&mut self, kind: &'static str, object: Value) {
        self.alive.remove(uid(&object));
        let (version, at) = (version(&object), Instant::now());
        self.events.push(Event { version, change: Change::Deleted, kind, object, at });
    }

    fn forget_all_but(&mut self, kind: &'static str, present: &[String], version: u64) {
        let gone: Vec<String> = self.alive.keys().filter(|uid| !present.contains(uid)).cloned().collect();
        for uid in gone {
            if let Some((_, mut object)) = self.alive.remove(&uid) {
                object["metadata"]["resourceVersion"] = json!(version.to_string());
                self.remove(kind, object);
            }
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

/// Resource versions may be compared as numbers; the API promises it since 1.35.
fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}
