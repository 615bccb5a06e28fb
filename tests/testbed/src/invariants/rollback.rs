//! What must hold after every rollback.

use std::time::SystemTime;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{controller, place, rows, text, uid, version};
use crate::audit::{Audit, Entry};
use crate::nodes::condition;
use crate::record::Record;
use crate::revisions::template_in;

/// Kind and plural of what is rolled back.
const WORKLOADS: [(&str, &str); 3] =
    [("Deployment", "deployments"), ("StatefulSet", "statefulsets"), ("DaemonSet", "daemonsets")];

/// What the user of a rollback was shown, and requested.
#[derive(Debug, Clone, Copy, Default)]
pub struct Consent {
    /// When the plan was shown at the latest.
    pub shown: Option<SystemTime>,
    /// It was to be written and no more: not waited for.
    pub only_written: bool,
}

impl Record {
    /// What can be judged of a run without a report: `output` is its text output.
    #[track_caller]
    pub fn assert_rollback_invariants_without_report(&self, output: &str, audit: &Audit, consent: Consent) {
        let is_done = |(kind, name): &(&str, &str)| {
            output.contains(&format!("{}/{name} rolled back to revision", kind.to_lowercase()))
        };
        let workloads = WORKLOADS.iter().flat_map(|(kind, _)| {
            self.ended(kind).map(|workload| (*kind, text(&workload["metadata"], "name")))
        });
        let done: Vec<Value> = workloads
            .filter(is_done)
            .map(|(kind, name)| json!({"kind": kind, "name": name, "result": "done"}))
            .collect();
        let broken = self.broken_rollback_invariants(&json!({"workloads": done}), audit, consent);
        assert!(broken.is_empty(), "{}\n{output}\nrequests:\n{audit}", broken.join("\n"));
    }

    /// `report` is a `RollbackReport`; `audit` holds the requests of that one run and of nobody else.
    pub fn broken_rollback_invariants(&self, report: &Value, audit: &Audit, consent: Consent) -> Vec<String> {
        let mut broken = self.overwritten(audit, consent);
        broken.extend(self.deleted_ready_pods(audit));
        if !consent.only_written {
            let done = rows(&report["workloads"]).iter().filter(|workload| workload["result"] == "done");
            broken.extend(done.flat_map(|workload| self.not_done(workload, audit)));
        }
        broken
    }

    /// Writes over a template that is neither the one that was live when the plan was shown nor one that the run wrote itself.
    fn overwritten(&self, audit: &Audit, consent: Consent) -> Vec<String> {
        let mut broken = Vec::new();
        let writes = audit.changes();
        for entry in writes.iter().filter(|entry| entry.accepted()) {
            let Some(kind) = kind_of(entry) else { continue };
            let written = &entry.response_object["spec"]["template"];
            let Some((since, before)) =
                self.template_before(kind, &entry.name, version(&entry.response_object))
            else {
                continue;
            };
            let is_own = writes.iter().any(|other| {
                is_about(other, kind, &entry.name)
                    && other.accepted()
                    && other.response_object["spec"]["template"] == *before
            });
            let Some(shown) = shown(audit, kind, &entry.name, consent) else { continue };
            if written != before && !is_own && !self.was_live(kind, &entry.name, before, since, shown) {
                broken.push(format!(
                    "{kind} {} was written over a template that came after its plan was shown ({shown}): {before}",
                    entry.name
                ));
            }
        }
        broken
    }

    /// The template that a write with this resourceVersion found, and the version it came with.
    fn template_before(&self, kind: &str, name: &str, written: u64) -> Option<(u64, &Value)> {
        self.templates(kind, name).into_iter().rfind(|(version, _)| *version < written)
    }

    /// The template was there at that moment; `since`: the version it came with.
    fn was_live(&self, kind: &str, name: &str, template: &Value, since: u64, moment: Timestamp) -> bool {
        let came_later = |at: u64| {
            let wrote = |entry: &Entry| {
                is_about(entry, kind, name) && entry.took_effect() && version(&entry.response_object) == at
            };
            self.requests.iter().find(|entry| wrote(entry)).is_some_and(|entry| entry.received > moment)
        };
        // The same again, after something else, is what was shown all the same.
        let known = |at: u64| at <= since && !came_later(at);
        self.templates(kind, name)
            .into_iter()
            .rfind(|(at, _)| known(*at))
            .is_some_and(|(_, it)| it == template)
    }

    /// Pods that were Ready when the run deleted or evicted them.
    fn deleted_ready_pods(&self, audit: &Audit) -> Vec<String> {
        let mut broken = Vec::new();
        for (uid, entry) in self.removals(audit) {
            let left = self.pod(&uid).find(|event| !event.object["metadata"]["deletionTimestamp"].is_null());
            let before =
                self.pod(&uid).take_while(|event| left.is_none_or(|left| event.version < left.version));
            if before.last().is_some_and(|event| condition(&event.object, "Ready") == Some("True")) {
                broken.push(format!("{} {}: the pod was Ready", entry.verb, entry.uri));
            }
        }
        broken
    }

    /// What a workload that is reported as done lacks, in the watcher's own list.
    fn not_done(&self, row: &Value, audit: &Audit) -> Vec<String> {
        let (kind, name) = (text(row, "kind"), text(row, "name"));
        let line = |what: String| format!("{kind} {name} is reported as done, and {what}");
        let Some(workload) = self.ended(kind).find(|it| it["metadata"]["name"] == *name) else {
            return vec![line("it is not there".to_owned())];
        };
        let writes = audit.changes();
        let mut written = writes.iter().filter(|entry| is_about(entry, kind, name) && entry.accepted());
        let target = written.next_back().map(|entry| &entry.response_object["spec"]["template"]);
        let target = target.filter(|target| target.is_object()).unwrap_or(&workload["spec"]["template"]);
        if *target != workload["spec"]["template"] {
            return vec![line("its template is another one".to_owned())];
        }
        let strategy = &workload["spec"]["updateStrategy"];
        if strategy["type"] == "OnDelete" {
            // Whoever deletes a pod decides when it gets the template.
            return Vec::new();
        }
        let keepers: Vec<&Value> = self
            .ended(if kind == "Deployment" { "ReplicaSet" } else { "ControllerRevision" })
            .filter(|keeper| is_controlled_by(keeper, workload))
            .collect();
        let current = keepers
            .iter()
            .filter(|keeper| template_in(keeper) == *target)
            .max_by_key(|it| it["revision"].as_i64());
        let Some(current) = current else { return vec![line("no revision holds its template".to_owned())] };
        let spared = Spared::new(workload);
        let has_target = |pod: &&&Value| match kind {
            "Deployment" => is_controlled_by(pod, current),
            _ => is_of_revision(pod, current),
        };
        let is_its = |pod: &&Value| {
            is_controlled_by(pod, workload) || keepers.iter().any(|keeper| is_controlled_by(pod, keeper))
        };
        let alive = |pod: &&Value| pod["metadata"]["deletionTimestamp"].is_null();
        let pods: Vec<&Value> =
            self.ended("Pod").filter(is_its).filter(alive).filter(|pod| !spared.is_below(pod)).collect();

        let mut broken = Vec::new();
        let (new, old): (Vec<&Value>, Vec<&Value>) = pods.iter().partition(|pod| has_target(pod));
        broken.extend(old.iter().map(|pod| line(format!("pod {} has another template", place(pod)))));
        let was_ready =
            |pod: &&&Value| self.pod(uid(pod)).any(|event| condition(&event.object, "Ready") == Some("True"));
        let ready = new.iter().filter(was_ready).count() as u64;
        if ready < spared.wanted {
            broken.push(line(format!("{ready} of {} pods were ever Ready with its template", spared.wanted)));
        }
        broken
    }

    /// The objects of a kind in the watcher's own list at the end.
    fn ended<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.end.objects.iter().filter(move |(its, _)| *its == kind).map(|(_, object)| object)
    }
}

/// The pods of a StatefulSet that its partition spares from the update, and how many it does not.
struct Spared {
    below: Option<u64>,
    wanted: u64,
}

impl Spared {
    fn new(workload: &Value) -> Self {
        let spec = &workload["spec"];
        let replicas = spec["replicas"].as_u64().unwrap_or_default();
        let partition = spec["updateStrategy"]["rollingUpdate"]["partition"].as_u64().unwrap_or_default();
        match workload["kind"].as_str().unwrap_or_default() {
            "DaemonSet" => {
                let wanted = workload["status"]["desiredNumberScheduled"].as_u64().unwrap_or_default();
                Self { below: None, wanted }
            }
            _ if partition > 0 => {
                let first = spec["ordinals"]["start"].as_u64().unwrap_or_default();
                Self { below: Some(first + partition), wanted: replicas.saturating_sub(partition) }
            }
            _ => Self { below: None, wanted: replicas },
        }
    }

    fn is_below(&self, pod: &Value) -> bool {
        let ordinal =
            text(&pod["metadata"], "name").rsplit('-').next().and_then(|digits| digits.parse::<u64>().ok());
        self.below.zip(ordinal).is_some_and(|(below, ordinal)| ordinal < below)
    }
}

/// Until when a change of the workload can have been part of the plan: its last reading before the first write that was tried, and
/// in no case later than the plan was seen.
fn shown(audit: &Audit, kind: &str, name: &str, consent: Consent) -> Option<Timestamp> {
    let tried =
        audit.changes().iter().filter(|entry| is_about(entry, kind, name)).map(|it| it.received).min()?;
    let plural = WORKLOADS.iter().find(|(its, _)| *its == kind).map(|(_, plural)| *plural);
    let reads = audit.iter().filter(|entry| {
        matches!(entry.verb.as_str(), "get" | "list")
            && plural == Some(&*entry.resource)
            && (entry.name.is_empty() || entry.name == name)
            && entry.received < tried
    });
    let read = reads.map(|entry| entry.answered).max();
    let shown = consent.shown.and_then(|shown| Timestamp::try_from(shown).ok());
    Some(read.into_iter().chain(shown).min().unwrap_or(tried))
}

fn is_about(entry: &Entry, kind: &str, name: &str) -> bool {
    kind_of(entry) == Some(kind) && entry.name == name
}

/// The kind of the workload that a write is about, if it is about one as a whole.
fn kind_of(entry: &Entry) -> Option<&'static str> {
    let whole = entry.subresource.is_empty() && entry.is_write();
    WORKLOADS.iter().find(|(_, plural)| whole && entry.resource == *plural).map(|(kind, _)| *kind)
}

fn is_controlled_by(object: &Value, owner: &Value) -> bool {
    controller(object).is_some_and(|it| it["uid"] == owner["metadata"]["uid"])
}

/// A StatefulSet labels its pods with the name of the revision, a DaemonSet with the hash at its end.
fn is_of_revision(pod: &Value, revision: &Value) -> bool {
    let label = text(&pod["metadata"]["labels"], "controller-revision-hash");
    let name = text(&revision["metadata"], "name");
    !label.is_empty() && (name == label || name.ends_with(&format!("-{label}")))
}
