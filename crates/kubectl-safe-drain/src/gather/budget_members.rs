//! Pods elsewhere that share a budget with pods here and are not Ready: they explain why the budget allows nothing.

use cluster_model::pod::issue::not_ready_reason;
use cluster_model::{BudgetStatus, DisruptionBudget, Inventory, PodExt};
use futures::stream::{self, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use plugin_client::Cluster;
use plugin_client::api::list;

use super::scope::{FAN_OUT, strip_pod};

/// Of the budgets that allow nothing now.
pub async fn gather(cluster: &Cluster, inventory: &Inventory) -> Vec<Pod> {
    let short = inventory.budgets.seen().into_iter().flat_map(|budgets| budgets.iter()).filter(|b| {
        let spent = matches!(b.status(), BudgetStatus::Exhausted | BudgetStatus::Blocked);
        spent && inventory.members(b).next().is_some()
    });
    let mut pods: Vec<Pod> = stream::iter(short)
        .map(|budget| unhealthy(cluster, budget))
        .buffer_unordered(FAN_OUT)
        .flat_map(stream::iter)
        .collect()
        .await;
    pods.retain(|pod| !inventory.pods.contains(pod.uid()));
    pods.sort_by_key(|p| p.key());
    pods.dedup_by_key(|p| p.uid().to_owned());
    pods
}

/// The pods of one budget that are not Ready. Without the right to list them an explanation is shorter; no verdict depends on it.
pub async fn unhealthy(cluster: &Cluster, budget: &DisruptionBudget) -> Vec<Pod> {
    let Some(selector) = budget.selector() else { return Vec::new() };
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), budget.namespace());
    let members = ListParams::default().labels_from(selector);
    let unhealthy =
        |pod: Pod| (not_ready_reason(&pod).is_some() && !pod.is_terminating()).then(|| strip_pod(pod));
    list::collect(&api, "pods", members, list::PAGE, unhealthy).await.unwrap_or_default()
}
