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
    let short = inventory.budgets.seen().into_iter().flat_map(|budgets| budgets.iter()).filter(|b| {
        let spent = matches!(b.status(), BudgetStatus::Exhausted | BudgetStatus::Blocked);
        spent && inventory.members(b).next().is_some()
    });
    stream::iter(short)
        .map(|budget| async { Some((budget.key().to_owned(), not_ready(cluster, budget).await.ok()?)) })
        .buffer_unordered(FAN_OUT)
        .filter_map(std::future::ready)
        .collect()
        .await
}

/// The pods of one budget that are not Ready and not terminating.
pub async fn not_ready(cluster: &Cluster, budget: &DisruptionBudget) -> Result<Vec<Pod>, Failure> {
    let Some(selector) = budget.selector() else { return Ok(Vec::new()) };
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), budget.namespace());
    let members = ListParams::default().labels_from(selector);
    let keep = |pod: Pod| (not_ready_reason(&pod).is_some() && !pod.is_terminating()).then(|| strip_pod(pod));
    list::collect(&api, "pods", members, list::PAGE, keep).await
}
