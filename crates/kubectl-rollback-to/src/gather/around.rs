//! What is around the workloads: what sends them traffic, guards, scales and limits them, and the nodes they could run on.

use std::collections::{BTreeMap, BTreeSet};

use cluster_model::Known;
use futures::stream::{self, StreamExt};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Container, Node, Pod, ResourceQuota, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::ListParams;
use plugin_client::Cluster;
use plugin_client::api::list;

use super::lists::{FAN_OUT, known, raw, resource};
use crate::snapshot::Surroundings;

pub async fn around(cluster: &Cluster, namespaces: &BTreeSet<String>) -> BTreeMap<String, Surroundings> {
    stream::iter(namespaces.clone())
        .map(|namespace| async move {
            let found = surroundings(cluster, &namespace).await;
            (namespace, found)
        })
        .buffer_unordered(FAN_OUT)
        .collect()
        .await
}

async fn surroundings(cluster: &Cluster, namespace: &str) -> Surroundings {
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
    Surroundings { services, network_policies, budgets, autoscalers, quotas }
}

/// The nodes, and the pods of all namespaces that take up room on them.
pub async fn room(cluster: &Cluster) -> (Known<Vec<Node>>, Known<Vec<Pod>>) {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let pods: Api<Pod> = Api::all(cluster.client.clone());
    // Finished pods take no room; the scheduler does not look at them either (pkg/scheduler/scheduler.go, newPodInformer).
    let taking_room = ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed");
    let (nodes, pods) = futures::join!(
        list::collect(&nodes, "nodes", ListParams::default(), list::PAGE, |node| Some(lean_node(node))),
        list::collect(&pods, "pods of all namespaces", taking_room, list::PAGE, |pod| Some(lean_pod(pod))),
    );
    (known(nodes), known(pods))
}

/// A node lists up to fifty images.
fn lean_node(mut node: Node) -> Node {
    node.metadata.managed_fields = None;
    if let Some(status) = &mut node.status {
        (status.images, status.volumes_attached, status.volumes_in_use) = (None, None, None);
    }
    node
}

/// Where it is, what it is called and labelled, and what it asks for.
fn lean_pod(mut pod: Pod) -> Pod {
    (pod.metadata.managed_fields, pod.metadata.annotations) = (None, None);
    pod.status = None;
    if let Some(spec) = pod.spec.take() {
        let room = |container: Container| Container {
            name: container.name,
            resources: container.resources,
            restart_policy: container.restart_policy,
            ..Container::default()
        };
        pod.spec = Some(k8s_openapi::api::core::v1::PodSpec {
            node_name: spec.node_name,
            containers: spec.containers.into_iter().map(room).collect(),
            init_containers: spec.init_containers.map(|list| list.into_iter().map(room).collect()),
            resources: spec.resources,
            overhead: spec.overhead,
            ..Default::default()
        });
    }
    pod
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_lean_pod_takes_as_much_room_as_before() {
        let requests = json!({"requests": {"cpu": "1"}});
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "web-1", "labels": {"app": "web"}, "annotations": {"a": "b"}, "managedFields": []},
            "spec": {"nodeName": "n1", "overhead": {"cpu": "10m"}, "resources": requests,
                "containers": [{"name": "web", "image": "web:1", "resources": requests}],
                "initContainers": [{"name": "side", "restartPolicy": "Always", "resources": requests}],
                "affinity": {}},
            "status": {"phase": "Running"}
        }))
        .unwrap();
        assert_eq!(
            serde_json::to_value(lean_pod(pod)).unwrap(),
            json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "web-1", "labels": {"app": "web"}},
                "spec": {"nodeName": "n1", "overhead": {"cpu": "10m"}, "resources": requests,
                    "containers": [{"name": "web", "resources": requests}],
                    "initContainers": [{"name": "side", "restartPolicy": "Always", "resources": requests}]}})
        );
    }
}
