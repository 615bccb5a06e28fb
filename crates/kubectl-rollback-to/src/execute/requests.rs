//! The requests that the engine commands. Network I/O.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cluster_model::Raw;
use cluster_model::rollout::{CHANGE_CAUSE, Id, revisions, same};
use futures::future::{BoxFuture, FutureExt, Shared, join_all};
use http::Method;
use plugin_client::{Cluster, Right, is_not_found};
use serde_json::{Value, json};

use super::event::Note;
use super::fresh::{self, Fresh};
use super::guarded_patch::{GuardedPatch, Wrote};
use super::wire::{self, Content};
use super::write::{ConnectionFailures, report, write};
use super::write_answer::{self, Answer};
use super::{log, ownership};
use crate::execute::engine::model::Deletion;
use crate::patch;

/// Workloads read together: a selector names them all, and a URL has a limit.
const TOGETHER: usize = 50;
const LOG: Duration = Duration::from_secs(3);

/// Answers to requests.
pub enum Answered {
    Wrote { step: usize, wrote: Wrote },
    Restored { step: usize, wrote: Wrote, notes: Vec<Note> },
    Logged { step: usize, log: Vec<String> },
    Deleted { step: usize, pod: String, uid: String, deletion: Deletion },
    Verified { step: usize, fresh: Result<Fresh, String> },
    Finished { step: usize, notes: Vec<Note> },
}

pub async fn rolled_back(
    cluster: &Cluster,
    step: usize,
    attempt: GuardedPatch,
    failures: ConnectionFailures,
) -> Answered {
    Answered::Wrote { step, wrote: write(cluster, attempt, &failures).await }
}

/// `keep`: the workload as it was, with the managers that its fields are returned to.
pub async fn restored(
    cluster: &Cluster,
    step: usize,
    attempt: GuardedPatch,
    keep: Option<Value>,
    failures: ConnectionFailures,
) -> Answered {
    let (id, manager) = (attempt.id().clone(), attempt.manager().to_owned());
    let wrote = write(cluster, attempt, &failures).await;
    let mut notes = Vec::new();
    if let (Wrote::Written { .. }, Some(before)) = (&wrote, keep) {
        notes.extend(ownership::keep(cluster, &id, &before, &manager, &failures).await);
    }
    Answered::Restored { step, wrote, notes }
}

/// Several workloads that were read at once; each is taken out once.
type ReadTogether = Arc<Mutex<BTreeMap<usize, Fresh>>>;
pub type Reading<'a> = Shared<BoxFuture<'a, ReadTogether>>;

/// Reads workloads, by step, each once: those of one namespace together.
pub fn reading(cluster: &Cluster, due: Vec<(usize, Id)>) -> Reading<'_> {
    let mut groups: BTreeMap<(String, &str), Vec<(usize, Id)>> = BTreeMap::new();
    for (step, id) in due {
        groups.entry((id.namespace.clone(), id.kind.revision_plural())).or_default().push((step, id));
    }
    let chunks =
        groups.into_values().flat_map(|group| group.chunks(TOGETHER).map(<[_]>::to_vec).collect::<Vec<_>>());
    let reads = chunks.map(|chunk| async move {
        let (steps, ids): (Vec<usize>, Vec<Id>) = chunk.into_iter().unzip();
        let read = fresh::read_together(cluster, &ids).await;
        steps.into_iter().zip(read).filter_map(|(step, fresh)| Some((step, fresh.ok()?))).collect::<Vec<_>>()
    });
    let all = join_all(reads);
    async move { Arc::new(Mutex::new(all.await.into_iter().flatten().collect())) }.boxed().shared()
}

/// What was not read together is read alone, and waited for.
pub async fn verified(
    cluster: &Cluster,
    step: usize,
    id: Id,
    reading: Reading<'_>,
    failures: ConnectionFailures,
) -> Answered {
    let together = reading.await;
    let own = together.lock().ok().and_then(|mut all| all.remove(&step));
    let fresh = match own {
        Some(fresh) => Ok(fresh),
        None => fresh::read(cluster, &id, &failures).await,
    };
    Answered::Verified { step, fresh }
}

pub async fn logged(
    cluster: &Cluster,
    step: usize,
    namespace: String,
    pod: String,
    container: String,
) -> Answered {
    // A kubelet that does not answer must not delay what is done about the failure.
    let tail = tokio::time::timeout(LOG, log::tail(cluster, &namespace, &pod, &container)).await;
    Answered::Logged { step, log: tail.unwrap_or_default() }
}

/// What comes after success.
pub struct Closing {
    pub id: Id,
    pub manager: String,
    /// The ControllerRevision rolled back to, and its new change cause.
    pub cause: Option<(Value, String)>,
    /// The workload as it was, with the managers that its fields are returned to.
    pub keep: Option<Value>,
}

pub async fn finished(
    cluster: &Cluster,
    step: usize,
    closing: Closing,
    failures: ConnectionFailures,
) -> Answered {
    let Closing { id, manager, cause, keep } = closing;
    let mut notes = Vec::new();
    if let Some((revision, cause)) = cause {
        notes.extend(explain(cluster, &id, &revision, &cause, &manager).await);
    }
    if let Some(before) = keep {
        notes.extend(ownership::keep(cluster, &id, &before, &manager, &failures).await);
    }
    Answered::Finished { step, notes }
}

/// The newest of the revisions that are this template: the one its controller uses. Pure.
pub fn revision_in_use(id: &Id, object: &Value, histories: &[Value], template: &Value) -> Option<Value> {
    let revisions = revisions(id.kind, object, histories);
    revisions.into_iter().rfind(|revision| same(&revision.template, template)).map(|revision| revision.object)
}

/// A ControllerRevision keeps the cause of its first rollout; its controller never writes it again. Returns why it could not be done.
async fn explain(cluster: &Cluster, id: &Id, revision: &Value, cause: &str, manager: &str) -> Option<Note> {
    let mut ops = vec![json!({"op": "test", "path": "/metadata/uid", "value": revision.uid()})];
    ops.extend(patch::annotation_ops(revision, &[(CHANGE_CAUSE, Some(cause))]));
    let histories = id.kind.revision_type().path(&id.namespace);
    let path = format!("{histories}/{}?fieldManager={}", revision.name(), wire::query(manager));
    let refusal = wire::send::<Value>(cluster, Method::PATCH, &path, Content::Patch(&ops)).await.err()?;
    Some(Note::ChangeCauseKept(refusal.message("annotate it")))
}

const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Exactly as it was read.
pub struct PodToDelete {
    pub namespace: String,
    pub pod: String,
    pub uid: String,
    pub version: String,
}

/// Never by force, and with the grace period the pod asks for.
pub async fn delete(
    cluster: &Cluster,
    pod_to_delete: &PodToDelete,
    failures: &ConnectionFailures,
) -> Deletion {
    let PodToDelete { namespace, pod, uid, version } = pod_to_delete;
    let path = wire::path(wire::CORE, namespace, "pods", pod);
    // The server refuses if another pod has the name now, or if this one changed: it may be Ready and not block any more.
    let preconditions = json!({"uid": uid, "resourceVersion": version});
    let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions});
    let right = Right::new("delete", "", "pods");
    let mut last = String::new();
    for attempt in 0..TRIES {
        let answer = wire::send(cluster, Method::DELETE, &path, Content::Json(&options)).await;
        if let Err(refusal) = &answer {
            report(refusal, failures);
        }
        let (message, wait) = match write_answer::of(answer, "delete it", &right) {
            Answer::Applied(_) => return Deletion::Deleted,
            Answer::Gone(_) => return Deletion::Gone,
            Answer::Conflict(_) => return Deletion::Changed,
            Answer::Refused(message) => return Deletion::Failed(message),
            // As for any write: only a server that could not be reached is asked again.
            Answer::Denied(message) if attempt == 0 => return Deletion::Failed(message),
            Answer::Denied(message) => (message, FIRST_WAIT * (1 << attempt)),
            Answer::Busy { message, wait } => (message, wait),
            Answer::NotSent(message) => (message, FIRST_WAIT * (1 << attempt)),
            Answer::Lost(message) => {
                if is_terminating(cluster, &path, uid).await {
                    return Deletion::Deleted;
                }
                (message, FIRST_WAIT * (1 << attempt))
            }
        };
        last = message;
        tokio::time::sleep(wait).await;
    }
    Deletion::Failed(last)
}

async fn is_terminating(cluster: &Cluster, path: &str, uid: &str) -> bool {
    match wire::send::<Value>(cluster, Method::GET, path, Content::None).await {
        Ok(pod) => pod.uid() != uid || pod.pointer("/metadata/deletionTimestamp").is_some(),
        Err(refusal) => is_not_found(&refusal.error),
    }
}
