//! The API server's audit log: the requests that a command made, and their answers.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use http::Method;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::components::file;
use crate::room::Room;
use crate::wait::{PATIENCE, wait};

/// Reads of the components, events but for those that others write, and everything about leases are noise; writes of others are
/// kept whole.
pub(crate) fn policy() -> Value {
    let components =
        ["system:kube-controller-manager", "system:kube-scheduler", "system:apiserver", "testbed:kwok"];
    let controllers = ["system:serviceaccounts:kube-system"];
    let reads = ["get", "list", "watch"];
    let writes = ["create", "update", "patch", "delete", "deletecollection"];
    let events =
        json!([{"group": "", "resources": ["events"]}, {"group": "events.k8s.io", "resources": ["events"]}]);
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
            {"level": "None", "verbs": reads, "resources": events},
            {"level": "None", "users": components, "resources": events},
            {"level": "None", "userGroups": controllers, "resources": events},
            {"level": "None", "nonResourceURLs": ["/readyz*", "/healthz*", "/livez*"]},
            {"level": "None", "users": components, "verbs": reads},
            {"level": "None", "userGroups": controllers, "verbs": reads},
            {"level": "Metadata", "users": components},
            {"level": "Metadata", "userGroups": controllers},
            {"level": "RequestResponse", "verbs": writes},
            {"level": "Metadata"},
        ],
    })
}

/// A place in the audit log.
#[derive(Debug, Clone, Copy)]
pub struct Mark(u64);

/// One request, as the API server recorded it: at its end, a watch at its start. A watch ends when the server notices that its client is gone,
/// which may be after everything that is asked of the log.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// When the server got it, and when it had answered; both by the server's clock.
    pub received: Timestamp,
    pub answered: Timestamp,
    pub verb: String,
    pub user: String,
    pub user_agent: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
    pub code: u64,
    pub uri: String,
    /// Null where the policy records no bodies.
    pub request_object: Value,
    pub response_object: Value,
}

#[derive(Debug, Clone, Default)]
pub struct Audit(pub Vec<Entry>);

impl Cluster {
    pub fn audit_mark(&self) -> Mark {
        Mark(std::fs::metadata(self.dir().join(file::AUDIT_LOG)).map_or(0, |log| log.len()))
    }

    /// Everything recorded since the mark. Entries are written in the order in which requests end and watches start, so once a request of our
    /// own is there, all that did so before it are.
    #[track_caller]
    pub fn audit_since(&self, mark: Mark) -> Audit {
        let sentinel = format!("/version?sentinel={}", self.next());
        if let Err(error) = self.request(Method::GET, &sentinel, None) {
            panic!("{error}");
        }
        let mut entries = wait("the audit log to be flushed", PATIENCE, || {
            let entries = self.audit_entries(mark);
            entries.iter().any(|entry| entry.uri == sentinel).then_some(entries)
        });
        entries.retain(|entry| !entry.uri.starts_with("/version?sentinel="));
        Audit(entries)
    }

    fn audit_entries(&self, mark: Mark) -> Vec<Entry> {
        let mut text = String::new();
        let read = File::open(self.dir().join(file::AUDIT_LOG)).and_then(|mut log| {
            log.seek(SeekFrom::Start(mark.0))?;
            log.read_to_string(&mut text)
        });
        match read {
            // The last line may be half written. Of a watch, its start counts and not its end.
            Ok(_) => {
                let mut seen = BTreeSet::new();
                let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
                events.filter(|event| seen.insert(event["auditID"].to_string())).map(entry).collect()
            }
            Err(_) => Vec::new(),
        }
    }
}

impl Room<'_> {
    /// What clients of that user agent wrote since the mark to anything in this room or to its nodes, dry runs included:
    /// `room.writes(mark, "kubectl-rollback").changes()` is empty if nothing was meant to change.
    #[track_caller]
    pub fn writes(&self, since: Mark, agent_prefix: &str) -> Audit {
        let here = |entry: &Entry| entry.namespace == self.namespace() || self.nodes().contains(&entry.name);
        self.cluster().audit_since(since).by_user_agent_prefix(agent_prefix).writes().filter(here)
    }
}

fn entry(mut event: Value) -> Entry {
    let text = |at: &str| event.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    let time = |at: &str| text(at).parse().unwrap_or_default();
    Entry {
        received: time("/requestReceivedTimestamp"),
        answered: time("/stageTimestamp"),
        verb: text("/verb"),
        user: text("/user/username"),
        user_agent: text("/userAgent"),
        resource: text("/objectRef/resource"),
        subresource: text("/objectRef/subresource"),
        namespace: text("/objectRef/namespace"),
        name: text("/objectRef/name"),
        uri: text("/requestURI"),
        code: event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default(),
        request_object: event["requestObject"].take(),
        response_object: event["responseObject"].take(),
    }
}

impl Entry {
    pub fn accepted(&self) -> bool {
        (200..300).contains(&self.code)
    }

    pub fn is_eviction(&self) -> bool {
        self.verb == "create" && self.resource == "pods" && self.subresource == "eviction"
    }

    /// It requested the removal of a pod: an eviction, or the deletion of one pod.
    pub fn is_removal(&self) -> bool {
        self.is_eviction()
            || (self.resource == "pods" && self.verb == "delete" && self.subresource.is_empty())
    }

    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// An access review, which is a create request.
    fn is_review(&self) -> bool {
        self.resource.ends_with("reviews")
    }

    /// It was answered well, and it was no dry run.
    pub fn took_effect(&self) -> bool {
        self.accepted() && !self.is_dry_run()
    }

    /// Asked for in the URL or in the body; changes nothing.
    pub fn is_dry_run(&self) -> bool {
        self.uri.contains("dryRun=All")
            || ["/dryRun", "/deleteOptions/dryRun"]
                .iter()
                .any(|at| self.request_object.pointer(at).is_some_and(|value| value == &json!(["All"])))
    }
}

impl Audit {
    pub fn by_user_agent_prefix(&self, prefix: &str) -> Self {
        self.filter(|entry| entry.user_agent.starts_with(prefix))
    }

    pub fn evictions(&self) -> Self {
        self.filter(Entry::is_eviction)
    }

    pub fn writes(&self) -> Self {
        self.filter(Entry::is_write)
    }

    /// The writes that change something, or were meant to: neither dry runs nor questions.
    pub fn changes(&self) -> Self {
        self.filter(|entry| entry.is_write() && !entry.is_dry_run() && !entry.is_review())
    }

    pub fn filter(&self, keep: impl Fn(&Entry) -> bool) -> Self {
        Self(self.0.iter().filter(|entry| keep(entry)).cloned().collect())
    }
}

impl std::ops::Deref for Audit {
    type Target = [Entry];

    fn deref(&self) -> &[Entry] {
        &self.0
    }
}

/// One line a request: what a failed test prints.
impl std::fmt::Display for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for entry in &self.0 {
            let dry_run = if entry.is_dry_run() { " dry run" } else { "" };
            writeln!(f, "{} {} {}{dry_run} ({})", entry.code, entry.verb, entry.uri, entry.user_agent)?;
        }
        Ok(())
    }
}
