//! The nodes, and what is taken on each: summed while the pods of the cluster are read page by page. No pod is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use cluster_model::pod::resources::{Amounts, add, place};
use cluster_model::{Known, NodeExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{ListParams, ObjectMeta};
use plugin_client::api::list;
use plugin_client::{Cluster, Failure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::lists::known;

/// A plan does not wait longer for the nodes and the pods of a large cluster.
pub const PATIENCE: Duration = Duration::from_secs(3);

pub async fn nodes(cluster: &Cluster, patience: Duration) -> Known<Vec<Node>> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let all = list::collect(&nodes, "nodes", ListParams::default(), list::PAGE, |mut node| {
        node.metadata.managed_fields = None;
        Some(node.without_images_and_volumes())
    });
    within(patience, "the nodes", all).await
}

async fn within<T>(
    patience: Duration,
    what: &str,
    read: impl Future<Output = Result<T, Failure>>,
) -> Known<T> {
    match tokio::time::timeout(patience, read).await {
        Ok(read) => known(read),
        Err(_) => Known::Unknown(format!("{what} could not all be listed within {} s", patience.as_secs())),
    }
}

/// By node, what the pods of all namespaces on it request.
pub async fn taken(cluster: &Cluster, patience: Duration) -> Known<BTreeMap<String, Amounts>> {
    let pods: Api<PodUsage> = Api::all(cluster.client.clone());
    // Finished pods take no room; the scheduler does not look at them either (pkg/scheduler/scheduler.go, newPodInformer).
    let taking_room = ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed");
    let sums = list::fold(&pods, "pods of all namespaces", taking_room, list::PAGE, BTreeMap::new, sum);
    within(patience, "the pods", sums).await
}

fn sum(taken: &mut BTreeMap<String, Amounts>, pod: PodUsage) {
    let Spec { node_name, containers, init_containers, resources, overhead } = pod.spec;
    if node_name.is_empty() {
        return;
    }
    let list = |containers: Vec<ContainerRequests>| -> Vec<Value> {
        let to_json = |container: ContainerRequests| json!({"resources": container.resources, "restartPolicy": container.restart_policy});
        containers.into_iter().map(to_json).collect()
    };
    let spec = json!({"containers": list(containers), "initContainers": list(init_containers),
        "resources": resources, "overhead": overhead});
    add(taken.entry(node_name).or_default(), &place(&spec));
}

/// Of a pod no more than this is read: the rest of it is never in memory as objects.
#[derive(Clone, Debug, Deserialize)]
struct PodUsage {
    #[serde(skip)]
    metadata: ObjectMeta,
    spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    node_name: String,
    containers: Vec<ContainerRequests>,
    init_containers: Vec<ContainerRequests>,
    resources: Value,
    overhead: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerRequests {
    resources: Value,
    restart_policy: Value,
}

plugin_client::part_of!(PodUsage, Pod, metadata);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_dry_run::testing::connect;
    use testbed::fake::{Answer, Fake};

    const PODS: &str = "/api/v1/pods";

    fn page(token: &str, items: Value) -> Answer {
        Answer::json(
            json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": token}, "items": items}),
        )
    }

    fn pod(node: &str) -> Value {
        let requests = json!({"requests": {"cpu": "1"}});
        json!({"metadata": {"name": "web-1"}, "status": {"phase": "Running"},
            "spec": {"nodeName": node, "overhead": {"cpu": "10m"},
                "containers": [{"name": "web", "image": "web:1", "resources": requests}],
                "initContainers": [{"name": "side", "restartPolicy": "Always", "resources": requests}]}})
    }

    #[tokio::test]
    async fn pages_add_up_to_what_is_taken_on_each_node() {
        let fake = Fake::start();
        let waiting = json!({"metadata": {"name": "waits"}, "spec": {"containers": [{"name": "web"}]}});
        fake.on("GET", PODS).once().answer(page("next", json!([pod("n1"), pod("n2"), waiting])));
        fake.on("GET", PODS).once().answer(page("", json!([pod("n1")])));
        let Known::Seen(taken) = taken(&connect(&fake).await, PATIENCE).await else { panic!() };
        let amounts: Vec<(&str, i128, i128)> =
            taken.iter().map(|(node, all)| (node.as_str(), all["cpu"], all["pods"])).collect();
        assert_eq!(amounts, [("n1", 4_020_000_000, 2_000_000_000), ("n2", 2_010_000_000, 1_000_000_000)]);
        assert!(fake.requests()[0].query.contains("limit=500"), "{:?}", fake.requests()[0]);
    }

    #[tokio::test]
    async fn nodes_that_take_too_long_to_read_are_unknown() {
        let fake = Fake::start();
        let cluster = connect(&fake).await;
        fake.on("GET", "/api/v1/nodes").answer(Answer::silence());
        let nodes = nodes(&cluster, Duration::ZERO).await;
        assert!(matches!(&nodes, Known::Unknown(why) if why.contains("within")), "{nodes:?}");
    }

    #[tokio::test]
    async fn pods_that_take_too_long_to_read_are_unknown() {
        let fake = Fake::start();
        let cluster = connect(&fake).await;
        fake.on("GET", PODS).answer(page("next", json!([])));
        let taken = taken(&cluster, Duration::ZERO).await;
        assert!(matches!(&taken, Known::Unknown(why) if why.contains("within")), "{taken:?}");
    }
}
