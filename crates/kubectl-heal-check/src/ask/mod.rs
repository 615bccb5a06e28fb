//! `--ask-server`: what the server says to dry runs of an eviction and of a replacement of each workload. It changes nothing. Network I/O.

mod eviction;
mod replacement;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use futures::stream::{self, StreamExt};
use plugin_client::api::access_review;
use plugin_client::{Cluster, Right};

use crate::matrix;
use crate::snapshot::server_answers::{Replacement, ServerAnswers};
use crate::snapshot::{Recreated, Snapshot, Workload};

/// Workloads that are asked about at the same time.
const AT_ONCE: usize = 8;

/// Rights that the server has denied: it is asked for each only once or so.
#[derive(Default)]
struct Denied(Mutex<BTreeSet<Right>>);

impl Denied {
    fn note(&self, right: &Right) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(right.clone());
    }

    /// Why it need not be tried.
    fn why(&self, right: &Right) -> Option<String> {
        let is_denied = self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(right);
        is_denied.then(|| format!("you have no right to {right}; {}", access_review::grant(right)))
    }
}

/// `namespace`: the one in question, `None` for all. `replacements`: whether pods are created as dry runs.
pub async fn ask(
    cluster: &Cluster,
    snapshot: &Snapshot,
    namespace: Option<&str>,
    replacements: bool,
) -> ServerAnswers {
    let denied = Denied::default();
    let workloads = matrix::rows(snapshot).into_iter().filter(|it| it.replicas != Some(0));
    let (ours, others): (Vec<&Workload>, Vec<&Workload>) =
        workloads.partition(|it| is_asked(&it.subject.namespace));
    let mut answers = ServerAnswers::default();
    // Of all namespaces those of Kubernetes itself are not what is meant.
    if namespace.is_some() && replacements {
        for workload in others.iter().filter(|it| it.runs_for_good()) {
            let why = "nothing is asked about namespaces that begin with kube-".to_owned();
            answers.replacements.insert(workload.uid.to_string(), Replacement::Unknown(why));
        }
    }
    let denied = &denied;
    let mut all = stream::iter(ours)
        .map(|workload| async move {
            let replacement = async {
                if !replacements || !workload.runs_for_good() {
                    return None;
                }
                Some(replacement::of(cluster, workload, denied).await)
            };
            let eviction = async {
                if workload.recreated != Recreated::ByController {
                    return None;
                }
                eviction::of(cluster, workload, denied).await
            };
            (workload, futures::join!(eviction, replacement))
        })
        .buffer_unordered(AT_ONCE);
    while let Some((workload, (eviction, replacement))) = all.next().await {
        match eviction {
            Some(Ok(eviction)) => drop(answers.evictions.insert(workload.uid.to_string(), eviction)),
            Some(Err(why)) => answers.unanswered.push(why),
            None => {}
        }
        if let Some(replacement) = replacement {
            answers.replacements.insert(workload.uid.to_string(), replacement);
        }
    }
    answers
}

/// Admission of the namespaces of Kubernetes itself is often another one, and they are not for their users to change.
fn is_asked(namespace: &str) -> bool {
    !namespace.starts_with("kube-")
}
