//! Pods of a budget that are not Ready: they explain why it allows nothing, and what it takes before it does.

use std::collections::BTreeMap;

use cluster_model::pod::issue::not_ready_reason;
use cluster_model::{BudgetStatus, DisruptionBudget, Inventory, PodExt};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use plugin_client::api::list;
use plugin_client::{Cluster, Failure};

use super::scope::{FAN_OUT, strip_pod};

/// By the key of each budget that allows nothing now and whose pods could be listed.
pub async fn gather(cluster: &Cluster, inventory: &Inventory) -> BTreeMap<String, Vec<Pod>> {
    stream::iter(spent(inventory).filter(|budget| inventory.members(budget).next().is_some()))
        .map(|budget| async { Some((budget.key().to_owned(), not_ready(cluster, budget).await.ok()?)) })
        .buffer_unordered(FAN_OUT)
        .filter_map(std::future::ready)
        .collect()
        .await
}

/// The budgets that allow nothing now.
pub fn spent(inventory: &Inventory) -> impl Iterator<Item = &DisruptionBudget> {
    let all = inventory.budgets.seen().into_iter().flat_map(|budgets| budgets.iter());
    all.filter(|budget| matches!(budget.status(), BudgetStatus::Exhausted | BudgetStatus::Blocked))
}

pub fn is_not_ready(pod: &Pod) -> bool {
    not_ready_reason(pod).is_some() && !pod.is_terminating()
}

/// The pods of one budget that are not Ready and not terminating.
pub async fn not_ready(cluster: &Cluster, budget: &DisruptionBudget) -> Result<Vec<Pod>, Failure> {
    let Some(selector) = budget.selector() else { return Ok(Vec::new()) };
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), budget.namespace());
    let members = ListParams::default().labels_from(selector);
    let keep = |pod: Pod| is_not_ready(&pod).then(|| strip_pod(pod));
    list::collect(&api, "pods", members, list::PAGE, keep).await
}
