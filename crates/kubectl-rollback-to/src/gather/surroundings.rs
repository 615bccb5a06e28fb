//! What is around the workloads: what sends them traffic, guards, scales and limits them.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::Known;
use futures::stream::{self, StreamExt};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Pod, ResourceQuota, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{ListParams, ObjectMeta};
use plugin_client::Cluster;
use plugin_client::api::list;

use super::lists::{FAN_OUT, known, raw, resource};
use crate::snapshot::Surroundings;

pub async fn surroundings(
    cluster: &Cluster,
    namespaces: &BTreeSet<String>,
) -> BTreeMap<String, Surroundings> {
    stream::iter(namespaces.clone())
        .map(|namespace| async move {
            let found = Box::pin(in_namespace(cluster, &namespace)).await;
            (namespace, found)
        })
        .buffer_unordered(FAN_OUT)
        .collect()
        .await
}

async fn in_namespace(cluster: &Cluster, namespace: &str) -> Surroundings {
    let here = Some(namespace);
    let kinds = (
        resource::<Service>(),
        resource::<NetworkPolicy>(),
        resource::<PodDisruptionBudget>(),
        resource::<HorizontalPodAutoscaler>(),
        resource::<ResourceQuota>(),
    );
    let (services, network_policies, budgets, autoscalers, quotas) = futures::join!(
        raw(cluster, &kinds.0, here),
        raw(cluster, &kinds.1, here),
        raw(cluster, &kinds.2, here),
        raw(cluster, &kinds.3, here),
        raw(cluster, &kinds.4, here),
    );
    Surroundings { services, network_policies, budgets, autoscalers, quotas, pods: Known::Seen(Vec::new()) }
}

/// The pods of a namespace, of which only name, UID and labels are kept: what else may be behind a Service.
pub async fn pods(cluster: &Cluster, namespace: &str) -> Known<Vec<Pod>> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    known(list::collect(&pods, "pods", ListParams::default(), list::PAGE, |pod| Some(labelled(pod))).await)
}

fn labelled(pod: Pod) -> Pod {
    let ObjectMeta { name, namespace, uid, labels, .. } = pod.metadata;
    Pod { metadata: ObjectMeta { name, namespace, uid, labels, ..ObjectMeta::default() }, ..Pod::default() }
}
