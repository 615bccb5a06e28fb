//! The requests that change something, each guarded by a UID.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use cluster_model::{NodeExt, admission};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use plugin_client::api::eviction::{self, EvictionAnswer, EvictionRequest};
use plugin_client::{Cluster, Failure, is_not_found, lost, unreachable};
use serde_json::{Value, json};

use crate::plan::Action;

/// Shown as the author of the cordon in the node's managedFields. Each run has a name of its own: its cordon is not another run's.
pub static FIELD_MANAGER: LazyLock<String> = LazyLock::new(|| {
    // The one source of random numbers in std: each hasher has keys of its own.
    let run = RandomState::new().hash_one(SystemTime::now());
    format!("kubectl-safe-drain-{run:016x}")
});

/// The eviction or deletion of one pod.
#[derive(Clone, Debug)]
pub struct Removal {
    pub eviction: EvictionRequest,
    pub action: Action,
}

pub async fn remove(cluster: &Cluster, removal: &Removal) -> EvictionAnswer {
    let request = &removal.eviction;
    if removal.action != Action::Delete {
        return eviction::evict(cluster, request).await;
    }
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &request.namespace);
    let mut params = DeleteParams { dry_run: request.dry_run, ..DeleteParams::default() };
    params.grace_period_seconds = request.grace_seconds.and_then(|s| u32::try_from(s).ok());
    params.preconditions =
        Some(kube::api::Preconditions { uid: Some(request.uid.clone()), resource_version: None });
    eviction::answer_of(pods.delete(&request.name, &params).await.map(|_| None))
}

const TRIES: u32 = 6;
/// A server that sheds load is retried for some five minutes; the deadline ends it earlier.
const TRIES_WHILE_BUSY: u32 = 60;
const BUSY_WAIT: Duration = Duration::from_secs(1);
const BUSY_WAIT_MOST: Duration = Duration::from_secs(10);

/// How often a node's request was repeated, and why.
#[derive(Default)]
pub(super) struct Tries {
    lost: u32,
    busy: u32,
}

/// What to do after an error.
pub(super) enum Next {
    /// The server did not act on it.
    Repeat(Duration),
    /// It may have: read the node.
    ReadAgain(Duration),
    Fail,
}

impl Tries {
    pub(super) fn after(&mut self, error: &kube::Error) -> Next {
        if let Some(wait) = busy(error).filter(|_| self.busy < TRIES_WHILE_BUSY) {
            self.busy += 1;
            return Next::Repeat(wait);
        }
        self.lost += 1;
        if !(lost(error) || unreachable(error)) || self.lost == TRIES {
            return Next::Fail;
        }
        Next::ReadAgain(Duration::from_millis(250 << self.lost))
    }
}

/// Makes the node (un)schedulable, and gives it as the server stored it. After a lost answer the node is read before the request is repeated; one
/// that says "too many requests" (API priority and fairness) is waited out.
pub async fn set_unschedulable(
    cluster: &Cluster,
    node: &str,
    uid: &str,
    value: bool,
    dry_run: bool,
) -> Result<Node, Failure> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    // The UID makes the server refuse if this is another node of the same name by now.
    let (params, patch) = (params(dry_run), patch(value, json!({"uid": uid})));
    let doing = if value { "cordon" } else { "uncordon" };
    let mut tries = Tries::default();
    loop {
        let error = match api.patch(node, &params, &patch).await {
            // The answer contains the node as stored: admission may have changed the request.
            Ok(now) if now.is_cordoned() == value => return Ok(now),
            Ok(_) => return Err(not_kept(doing, node)),
            Err(error) => error,
        };
        match tries.after(&error) {
            Next::Repeat(wait) => tokio::time::sleep(wait).await,
            Next::ReadAgain(wait) => {
                tokio::time::sleep(wait).await;
                let now = api.get(node).await.ok();
                if let Some(now) = now.filter(|n| n.uid() == uid && n.is_cordoned() == value) {
                    return Ok(now);
                }
            }
            Next::Fail => {
                let failure = Failure::from_kube(doing, &error).object(format!("node/{node}"));
                return Err(if is_not_found(&error) { failure.hint("kubectl get nodes") } else { failure });
            }
        }
    }
}

pub(super) fn params(dry_run: bool) -> PatchParams {
    PatchParams { dry_run, field_manager: Some(FIELD_MANAGER.clone()), ..PatchParams::default() }
}

pub(super) fn patch(unschedulable: bool, metadata: Value) -> Patch<Value> {
    let value = if unschedulable { json!(true) } else { json!(null) };
    Patch::Merge(json!({"metadata": metadata, "spec": {"unschedulable": value}}))
}

pub(super) fn not_kept(doing: &str, node: &str) -> Failure {
    let mut failure = Failure::failed(format!("cannot {doing}"))
        .object(format!("node/{node}"))
        .cause("the server took the change, and the node it stored is not changed: an admission webhook or policy undid it")
        .hint("kubectl get mutatingwebhookconfigurations,mutatingadmissionpolicies");
    failure.code = Some(200);
    failure
}

/// How long to wait before the next request to a server that sheds load.
fn busy(error: &kube::Error) -> Option<Duration> {
    let kube::Error::Api(status) = error else { return None };
    let requested = status.details.as_ref().map(|d| d.retry_after_seconds).filter(|s| *s > 0);
    let wait = requested.map_or(BUSY_WAIT, |seconds| Duration::from_secs(u64::from(seconds)));
    // A webhook may deny with this code too; it is no load.
    let sheds_load = status.code == 429 && !admission::is_refusal(&status.message);
    sheds_load.then(|| wait.min(BUSY_WAIT_MOST))
}
