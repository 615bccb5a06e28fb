//! Everything about one workload, read afresh: what is claimed in the end, and what a deletion or a way back is decided by. Network I/O.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use cluster_model::rollout::{Id, selector};
use cluster_model::{PodExt, Raw};
use http::Method;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ListMeta;
use kube::Error;
use plugin_client::{Cluster, is_forbidden, is_not_found, is_unauthorised, lost, unreachable};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::wire::{self, Content, Refusal};
use super::write::{ConnectionFailures, look, tell};
use crate::rollout_pod::RolloutPod;

pub struct Fresh {
    pub object: Option<Value>,
    pub histories: Vec<Value>,
    pub pods: Vec<Pod>,
}

/// A server that is away is waited for: some ten minutes, with the last of these waits again and again.
const TRIES: usize = 81;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// Objects in one answer, and answers to one list.
const PAGE: usize = 500;
const PAGES: usize = 1000;

/// `Err` is why it cannot be read, in one line.
pub async fn read(cluster: &Cluster, id: &Id, failures: &ConnectionFailures) -> Result<Fresh, String> {
    let mut tries = 0;
    let again = |refusal: &Refusal| {
        tell(refusal, failures);
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
        .map_err(|refusal| refusal.says(&format!("read {id}")))
}

fn waits() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .with_max_times(TRIES - 1)
}

/// A server that asks for less is not asked more often for it: the tries would be used up before it counts as silent.
fn wait(own: Duration, retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().max(own).min(LONGEST_WAIT)
}

fn passes(error: &Error) -> bool {
    let busy = |code| code == 429 || code >= 500;
    lost(error) || unreachable(error) || matches!(error, Error::Api(status) if busy(status.code))
}

async fn once(cluster: &Cluster, id: &Id) -> Result<Fresh, Refusal> {
    let Some(object) = look(cluster, id).await?.filter(|object| object.uid() == id.uid) else {
        return Ok(Fresh { object: None, histories: Vec::new(), pods: Vec::new() });
    };
    let selector = selector(&object);
    let histories = format!("{}/namespaces/{}/{}", wire::APPS, id.namespace, id.kind.history_plural());
    let pods = format!("{}/namespaces/{}/pods", wire::CORE, id.namespace);
    let (histories, pods) =
        futures::join!(list(cluster, &histories, &selector), list(cluster, &pods, &selector));
    let pods = pods?.into_iter().map(|RolloutPod(pod)| pod);
    Ok(Fresh {
        object: Some(object),
        histories: histories?,
        pods: pods.filter(|pod| !pod.uid().is_empty()).collect(),
    })
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    metadata: ListMeta,
    items: Option<Vec<T>>,
}

async fn list<T: DeserializeOwned>(cluster: &Cluster, path: &str, selector: &str) -> Result<Vec<T>, Refusal> {
    let mut all = Vec::new();
    let mut more = String::new();
    for _ in 0..PAGES {
        let path = format!("{path}?labelSelector={}&limit={PAGE}{more}", wire::query(selector));
        let page: Page<T> = match wire::send(cluster, Method::GET, &path, Content::None).await {
            // What the pages were of is not kept any more: from the start, whole.
            Err(refusal) if !more.is_empty() && is_expired(&refusal.error) => {
                all.clear();
                let whole = path.split("&limit=").next().unwrap_or(&path);
                wire::send(cluster, Method::GET, whole, Content::None).await?
            }
            Err(refusal) if is_not_found(&refusal.error) => break,
            page => page?,
        };
        all.extend(page.items.into_iter().flatten());
        match page.metadata.continue_.filter(|next| !next.is_empty()) {
            None => break,
            Some(next) => more = format!("&continue={}", wire::query(&next)),
        }
    }
    Ok(all)
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
    fn a_server_that_is_away_is_waited_for_as_long_as_a_silent_one_whenever_it_says_to_come_back() {
        for told in [None, Some(0), Some(1), Some(8), Some(4000)] {
            let told = told.map(Duration::from_secs);
            let all: Duration = waits().build().map(|own| wait(own, told)).sum();
            assert!(all >= SILENT_AFTER.unsigned_abs(), "{told:?}: {all:?}");
            assert!(all < 2 * SILENT_AFTER.unsigned_abs(), "{told:?}: {all:?}");
        }
    }
}
