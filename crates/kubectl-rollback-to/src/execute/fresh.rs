//! Everything about one workload, read again: what is claimed in the end, and what a deletion or a restore is decided by. Network I/O.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use cluster_model::Raw;
use cluster_model::rollout::{Id, selector};
use futures::future::join_all;
use http::Method;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::Error;
use plugin_client::{Cluster, is_forbidden, is_not_found, is_unauthorised, lost, unreachable};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::{self, Content, Refusal};
use super::workload_cache::{Subject, labels_of_any};
use super::write::{ConnectionFailures, get, report};
use crate::rollout_pod::{self, RolloutPod};

#[derive(Default)]
pub struct Fresh {
    pub object: Option<Value>,
    pub histories: Vec<Value>,
    pub pods: Vec<Pod>,
    /// Names of pods that could not be parsed: as long as there are any, nothing counts as done.
    pub unread: Vec<String>,
}

/// A server that does not answer is retried for some ten minutes; the last of these waits is repeated.
const TRIES: usize = 81;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// Objects in one answer, and answers to one list.
const PAGE: u32 = rollout_pod::PAGE;
const PAGES: usize = 5000;

/// `Err` is the message why it cannot be read.
pub async fn read(cluster: &Cluster, id: &Id, failures: &ConnectionFailures) -> Result<Fresh, String> {
    let mut tries = 0;
    let again = |refusal: &Refusal| {
        report(refusal, failures);
        tries += 1;
        // A server that comes back has not read its roles and tokens yet.
        let denied = is_forbidden(&refusal.error) || is_unauthorised(&refusal.error);
        if denied { tries > 1 } else { passes(&refusal.error) }
    };
    (|| once(cluster, id))
        .retry(waits())
        .sleep(tokio::time::sleep)
        .when(again)
        .adjust(|refusal, own| Some(wait(own?, refusal.retry_after)))
        .await
        .map_err(|refusal| refusal.message(&format!("read {id}")))
}

fn waits() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_max_times(TRIES - 1)
}

/// A short `Retry-After` does not shorten the wait: the tries would be used up before the server counts as silent.
fn wait(own: Duration, retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().max(own).min(LONGEST_WAIT)
}

fn passes(error: &Error) -> bool {
    let busy = |code| code == 429 || code >= 500;
    lost(error) || unreachable(error) || matches!(error, Error::Api(status) if busy(status.code))
}

async fn once(cluster: &Cluster, id: &Id) -> Result<Fresh, Refusal> {
    let Some(object) = own(cluster, id).await? else { return Ok(Fresh::default()) };
    let (histories, pods) = owned(cluster, id, &selector(&object)).await?;
    Ok(Fresh { object: Some(object), histories, pods: pods.all, unread: pods.unread })
}

/// As [`read`], once, of several workloads in one namespace that share a kind of history. What they own is listed once, after each of
/// them was read.
pub async fn read_together(cluster: &Cluster, ids: &[Id]) -> Vec<Result<Fresh, Refusal>> {
    let objects = join_all(ids.iter().map(|id| own(cluster, id))).await;
    let there = ids.iter().zip(&objects).filter_map(|(id, object)| {
        let object = object.as_ref().ok()?.as_ref()?;
        Some(Subject::new(id, object))
    });
    let there: Vec<Subject> = there.collect();
    let listed = match (ids.first(), labels_of_any(&there)) {
        (Some(id), Some(labels)) => Some(owned(cluster, id, &labels).await),
        _ => None,
    };
    let mut subjects = there.into_iter();
    let mut all = Vec::new();
    for (id, object) in ids.iter().zip(objects) {
        all.push(match (object, &listed) {
            (Err(refusal), _) => Err(refusal),
            (Ok(None), _) => Ok(Fresh::default()),
            (Ok(Some(object)), Some(Ok((histories, pods)))) if pods.unread.is_empty() => {
                let Some(subject) = subjects.next() else { continue };
                Ok(Fresh {
                    object: Some(object),
                    histories: histories.iter().filter(|it| subject.made(it)).cloned().collect(),
                    pods: pods.all.iter().filter(|pod| subject.selects(pod)).cloned().collect(),
                    unread: Vec::new(),
                })
            }
            // They have no label in common, the lists were refused, or it is not known whose pod it is that cannot be read.
            (Ok(Some(_)), _) => once(cluster, id).await,
        });
    }
    all
}

/// The workload itself; another one of its name is not it.
async fn own(cluster: &Cluster, id: &Id) -> Result<Option<Value>, Refusal> {
    Ok(get(cluster, id).await?.filter(|object| object.uid() == id.uid))
}

/// Histories and pods with these labels.
async fn owned(cluster: &Cluster, id: &Id, labels: &str) -> Result<(Vec<Value>, Pods), Refusal> {
    let histories = id.kind.revision_type().path(&id.namespace);
    let pods = format!("{}/namespaces/{}/pods", wire::CORE, id.namespace);
    let (histories, pods) = futures::join!(
        list::<Value>(cluster, &histories, labels),
        list::<RolloutPod>(cluster, &pods, labels)
    );
    let (histories, pods) = (histories?, pods?);
    let all = pods.all.into_iter().map(|RolloutPod(pod)| pod).collect();
    Ok((histories.all, Pods { all, unread: pods.unread }))
}

type Pods = Listed<Pod>;

struct Listed<T> {
    all: Vec<T>,
    unread: Vec<String>,
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: ListMeta,
    items: Option<Vec<T>>,
}

async fn list<T: DeserializeOwned>(
    cluster: &Cluster,
    path: &str,
    labels: &str,
) -> Result<Listed<T>, Refusal> {
    let mut listed = Listed { all: Vec::new(), unread: Vec::new() };
    let mut more = String::new();
    for _ in 0..PAGES {
        let path = format!("{path}?labelSelector={}&limit={PAGE}{more}", wire::query(labels));
        let body = match wire::body(cluster, Method::GET, &path, Content::None).await {
            // The continue token expired: the whole list, from the start.
            Err(refusal) if !more.is_empty() && is_expired(&refusal.error) => {
                listed = Listed { all: Vec::new(), unread: Vec::new() };
                let whole = path.split("&limit=").next().unwrap_or(&path);
                wire::body(cluster, Method::GET, whole, Content::None).await?
            }
            Err(refusal) if is_not_found(&refusal.error) => break,
            body => body?,
        };
        match listed.add(&body)?.filter(|next| !next.is_empty()) {
            None => break,
            Some(next) => more = format!("&continue={}", wire::query(&next)),
        }
    }
    Ok(listed)
}

impl<T: DeserializeOwned> Listed<T> {
    /// Adds a page, and returns where the next one begins.
    fn add(&mut self, body: &[u8]) -> Result<Option<String>, Refusal> {
        if let Ok(page) = serde_json::from_slice::<Page<T>>(body) {
            self.all.extend(page.items.into_iter().flatten());
            return Ok(page.metadata.continue_);
        }
        // One object that cannot be parsed must not hide the others.
        let page: Page<Value> = serde_json::from_slice(body).map_err(wire::unreadable)?;
        for object in page.items.into_iter().flatten() {
            let name = object.name().to_owned();
            match serde_json::from_value(object) {
                Ok(object) => self.all.push(object),
                Err(_) => self.unread.push(name),
            }
        }
        Ok(page.metadata.continue_)
    }
}

fn is_expired(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 410)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::SILENT_AFTER;
    use backon::BackoffBuilder;

    /// Else the run would end as failed before the server is called silent.
    #[test]
    fn an_unavailable_server_is_waited_for_as_long_as_a_silent_one_whatever_retry_after_it_sends() {
        for retry_after in [None, Some(0), Some(1), Some(8), Some(4000)] {
            let retry_after = retry_after.map(Duration::from_secs);
            let all: Duration = waits().build().map(|own| wait(own, retry_after)).sum();
            assert!(all >= SILENT_AFTER.unsigned_abs(), "{retry_after:?}: {all:?}");
            assert!(all < 2 * SILENT_AFTER.unsigned_abs(), "{retry_after:?}: {all:?}");
        }
    }
}
