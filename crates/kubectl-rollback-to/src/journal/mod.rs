//! What this machine's user rolled back, so that `--last` can undo it even when the cluster keeps the old template no longer:
//! `$XDG_STATE_HOME/kubectl-rollback-to/journal.jsonl`.
//!
//! Templates may hold secrets in clear text (values of environment variables), and here they outlive the cluster: hence 0700 for the
//! folder and 0600 for the file. Of the command line only the path of `--kubeconfig` is written down: other flags may hold tokens.

mod file;
#[cfg(test)]
mod tests;
mod trusted;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cluster_model::fnv::Fnv;
use cluster_model::rollout::{Id, Kind, Rollout, canonical, without_restart};
use k8s_openapi::jiff::Timestamp;
use plugin_client::{Cluster, Failure};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::choose::Target;
use crate::options::Options;
use crate::outcome::RolloutResult;

/// One run: written down before its first write, completed after its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub id: String,
    /// By this machine's clock.
    pub time: String,
    pub context: String,
    pub server: String,
    /// As given by `--kubeconfig`, absolute: the context is one of this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<String>,
    /// Of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub workloads: Vec<Workload>,
}

/// One workload of a run, and what is needed to put it back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// As in `Deployment`.
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// The number that `from_template` had; `None`: it was no revision yet.
    pub from_template_revision: Option<i64>,
    pub from_template: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_change_cause: Option<String>,
    pub to_revision: Option<i64>,
    pub to_template_hash: String,
    /// As in the report; `None`: the run ended before it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Was the template written? `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<bool>,
    /// Of the template as the server stored it (`left_hash`); `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_template_hash: Option<String>,
}

impl Entry {
    pub fn new(cluster: &Cluster, options: &Options, now: Timestamp) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Entry {
            id: format!("{now:.6}-{}-{count}", std::process::id()),
            time: now.to_string(),
            context: cluster.context.clone(),
            server: cluster.server.clone(),
            user: ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok()),
            kubeconfig: options.kubeconfig.clone(),
            reason: options.reason.clone(),
            workloads: Vec::new(),
        }
    }
}

impl Entry {
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.workloads.iter().map(|workload| workload.namespace.as_str())
    }
}

impl Workload {
    pub fn new(rollout: &Rollout, target: &Target) -> Self {
        let from = rollout.current().map(|index| &rollout.revisions[index]);
        let to = target.revision.and_then(|index| rollout.revisions.get(index));
        Workload {
            kind: rollout.id.kind.name().to_owned(),
            namespace: rollout.id.namespace.clone(),
            name: rollout.id.name.clone(),
            uid: rollout.id.uid.clone(),
            from_template_revision: from.map(|revision| revision.number),
            from_template: rollout.template().clone(),
            from_change_cause: from.and_then(|revision| revision.change_cause.clone()),
            to_revision: to.map(|revision| revision.number),
            to_template_hash: template_hash(&target.template),
            result: None,
            written: None,
            left_template_hash: None,
        }
    }

    /// `None` for a kind that another version of this program writes.
    pub fn id(&self) -> Option<Id> {
        let kind = Kind::parse(&self.kind)?;
        let (namespace, name, uid) = (self.namespace.clone(), self.name.clone(), self.uid.clone());
        Some(Id { kind, namespace, name, uid })
    }

    /// Was it moved, as far as is known, and not put back by the run itself?
    fn is_moved(&self) -> bool {
        let stays = [
            RolloutResult::Unchanged,
            RolloutResult::Planned,
            RolloutResult::Refused,
            RolloutResult::Restored,
        ];
        let stayed = self.result.as_deref().is_some_and(|result| stays.map(word).iter().any(|w| w == result));
        self.written != Some(false) && !stayed
    }
}

/// What became of each workload of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub result: RolloutResult,
    pub written: bool,
    /// Of the template as the server stored it.
    pub left_template_hash: Option<String>,
}

/// Where runs are written down.
#[derive(Clone, Debug)]
pub struct Journal {
    path: PathBuf,
    /// How long the lock is waited for.
    patience: Duration,
}

impl Journal {
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Journal { path: path.into(), patience: file::PATIENCE }
    }

    /// The user's; `None` when they have no home.
    pub fn of_user() -> Option<Self> {
        let variable =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let states = variable("XDG_STATE_HOME")
            .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
            .or_else(|| variable("LOCALAPPDATA"))?;
        Some(Journal::at(states.join("kubectl-rollback-to/journal.jsonl")))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Before the first write.
    pub fn begin(&self, entry: &Entry) -> std::io::Result<()> {
        file::append(&self.path, &serde_json::to_string(entry)?, self.patience)
    }

    /// After the end, one ending for each workload of the entry.
    pub fn complete(&self, entry: &Entry, endings: &[Ending], now: Timestamp) -> std::io::Result<()> {
        let ending = |e: &Ending| {
            let mut ending = json!({"result": word(e.result), "written": e.written});
            if let Some(hash) = &e.left_template_hash {
                ending["leftTemplateHash"] = json!(hash);
            }
            ending
        };
        let endings: Vec<Value> = endings.iter().map(ending).collect();
        let line = json!({"id": entry.id, "finished": now.to_string(), "endings": endings});
        file::append(&self.path, &line.to_string(), self.patience)
    }
}

/// A line that completes an entry.
#[derive(Deserialize)]
struct Completion {
    id: String,
    endings: Vec<Ended>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ended {
    result: String,
    written: bool,
    left_template_hash: Option<String>,
}

/// The last run against `server` that moved a workload, with those workloads only; of `filter`, if given. Ids are distinguished by UID:
/// a workload that was made again since has no past here.
pub fn last(path: &Path, server: &str, filter: Option<&[Id]>) -> Result<Option<Entry>, Failure> {
    let filter =
        |workload: &Workload| filter.is_none_or(|ids| workload.id().is_some_and(|id| ids.contains(&id)));
    Ok(moved(path)?.rev().filter(|entry| entry.server == server).find_map(|mut entry| {
        entry.workloads.retain(filter);
        (!entry.workloads.is_empty()).then_some(entry)
    }))
}

/// The last run of all, wherever it was.
pub fn last_anywhere(path: &Path) -> Result<Option<Entry>, Failure> {
    Ok(moved(path)?.next_back())
}

/// The runs that moved a workload, with those workloads only, in the order of their beginning.
fn moved(path: &Path) -> Result<impl DoubleEndedIterator<Item = Entry>, Failure> {
    let lines = file::lines(path).map_err(|error| {
        Failure::failed(format!("cannot read the journal {}", path.display())).cause(error.to_string())
    })?;
    Ok(entries(&lines).into_iter().filter_map(|mut entry| {
        entry.workloads.retain(Workload::is_moved);
        (!entry.workloads.is_empty()).then_some(entry)
    }))
}

/// In the order of their beginning, completed as far as they were. What cannot be read is passed over.
fn entries(lines: &[String]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut early = Vec::new();
    for line in lines {
        if let Ok(entry) = serde_json::from_str::<Entry>(line) {
            entries.push(entry);
        } else if let Ok(completion) = serde_json::from_str::<Completion>(line) {
            early.extend(complete(&mut entries, completion));
        }
    }
    // Its beginning was left aside, and stands behind it.
    for completion in early {
        complete(&mut entries, completion);
    }
    entries
}

/// Back again, if it is of no entry so far.
fn complete(entries: &mut [Entry], completion: Completion) -> Option<Completion> {
    let Some(entry) = entries.iter_mut().rfind(|entry| entry.id == completion.id) else {
        return Some(completion);
    };
    for (workload, ended) in entry.workloads.iter_mut().zip(completion.endings) {
        workload.result = Some(ended.result);
        workload.written = Some(ended.written);
        workload.left_template_hash = ended.left_template_hash;
    }
    None
}

/// As in the report.
fn word(verdict: RolloutResult) -> String {
    serde_json::to_value(verdict).ok().and_then(|word| Some(word.as_str()?.to_owned())).unwrap_or_default()
}

/// Of a template that a rollback left: a restart since then is no change of it.
pub fn left_hash(template: &Value) -> String {
    template_hash(&without_restart(template))
}

/// Distinguishes templates; the same for equal ones, today and in a later version.
pub fn template_hash(template: &Value) -> String {
    fn walk(hash: &mut Fnv, value: &Value) {
        match value {
            Value::Object(map) => {
                hash.add(b"{");
                for (key, value) in map.iter().collect::<BTreeMap<_, _>>() {
                    hash.add(json!(key).to_string().as_bytes());
                    walk(hash, value);
                }
                hash.add(b"}");
            }
            Value::Array(list) => {
                hash.add(b"[");
                list.iter().for_each(|value| walk(hash, value));
                hash.add(b"]");
            }
            other => hash.add(other.to_string().as_bytes()),
        }
        hash.add(b",");
    }
    let mut hash = Fnv::default();
    walk(&mut hash, &canonical(template));
    format!("{:016x}", hash.value())
}
