//! The nodes, and what else the scheduler reads, if pods have to be placed: as the model of its filters keeps it, summed while the pods of
//! the cluster are read page by page.

use std::time::Duration;

use cluster_model::Known;
use cluster_model::feasibility::Cluster as Scheduling;
use k8s_openapi::api::core::v1::{Node, Pod};
use plugin_client::api::list::PAGE;
use plugin_client::api::scheduling::{self, Needs};
use plugin_client::{Cluster, Failure};

use super::lists::known;

/// A plan does not wait longer for the nodes and the pods of a large cluster.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// The nodes alone, and with everything else; the latter is empty if no pod has to be placed.
pub async fn room(
    cluster: &Cluster,
    to_place: &[Pod],
    patience: Duration,
) -> (Known<Scheduling>, Known<Scheduling>) {
    let nodes = within(patience, "the nodes", Box::pin(scheduling::nodes(cluster, PAGE)));
    if to_place.is_empty() {
        return (nodes.await.map(|nodes| nodes_alone(&nodes)), Known::Seen(Scheduling::default()));
    }
    let pods = within(patience, "the pods", Box::pin(scheduling::pods(cluster, PAGE)));
    let (nodes, pods) = futures::join!(nodes, pods);
    let everything = match (&nodes, pods) {
        (Known::Seen(nodes), Known::Seen(pods)) => {
            let all = Box::pin(scheduling::complete(cluster, PAGE, nodes, pods, Needs::of(to_place)));
            within(patience, "the volumes and namespaces", async { Ok(all.await) }).await
        }
        (Known::Unknown(why), _) => Known::Unknown(why.clone()),
        (_, Known::Unknown(why)) => Known::Unknown(why),
    };
    (nodes.map(|nodes| nodes_alone(&nodes)), everything)
}

fn nodes_alone(nodes: &[Node]) -> Scheduling {
    let mut all = Scheduling::default();
    nodes.iter().for_each(|node| all.add_node(node));
    all.finish();
    all
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_dry_run::testing::connect;
    use serde_json::{Value, json};
    use testbed::fake::{Answer, Fake};

    const NODES: &str = "/api/v1/nodes";
    const PODS: &str = "/api/v1/pods";

    fn list(kind: &str, token: &str, items: Value) -> Answer {
        Answer::json(
            json!({"kind": kind, "apiVersion": "v1", "metadata": {"continue": token}, "items": items}),
        )
    }

    fn to_place() -> Pod {
        serde_json::from_value(json!({"spec": {"containers": []}})).unwrap()
    }

    #[tokio::test]
    async fn pods_are_read_page_by_page_and_only_if_one_has_to_be_placed() {
        let fake = Fake::start();
        let pod = |name: &str| json!({"metadata": {"name": name, "uid": name}, "spec": {"nodeName": "n1"}});
        fake.on("GET", NODES).answer(list("NodeList", "", json!([{"metadata": {"name": "n1"}}])));
        fake.on("GET", PODS).once().answer(list("PodList", "next", json!([pod("a")])));
        fake.on("GET", PODS).once().answer(list("PodList", "", json!([pod("b")])));
        let cluster = connect(&fake).await;
        let (nodes, everything) = room(&cluster, &[], PATIENCE).await;
        assert_eq!(nodes.seen().map(|nodes| nodes.node_ids().count()), Some(1));
        assert_eq!(everything.seen().map(Scheduling::pod_count), Some(0));
        assert_eq!(fake.requests().len(), 1, "{:?}", fake.requests());
        let (nodes, everything) = room(&cluster, &[to_place()], PATIENCE).await;
        assert_eq!(nodes.seen().map(Scheduling::pod_count), Some(0));
        let Known::Seen(everything) = everything else { panic!("{everything:?}") };
        let on_node = everything.pod_ids().filter(|id| everything.pod(*id).node.is_some());
        assert_eq!(on_node.count(), 2, "both pages, on their node");
        // Neither volumes nor namespaces: nothing of them is needed.
        assert_eq!(fake.requests().len(), 4, "{:?}", fake.requests());
    }

    #[tokio::test]
    async fn what_takes_too_long_to_read_is_unknown() {
        let fake = Fake::start();
        let cluster = connect(&fake).await;
        fake.on("GET", NODES).answer(Answer::silence());
        fake.on("GET", PODS).answer(Answer::silence());
        let (nodes, everything) = room(&cluster, &[to_place()], Duration::ZERO).await;
        for read in [nodes, everything] {
            assert!(matches!(&read, Known::Unknown(why) if why.contains("within")), "{read:?}");
        }
    }

    #[tokio::test]
    async fn without_the_pods_the_nodes_are_known_all_the_same() {
        let fake = Fake::start();
        fake.on("GET", NODES).answer(list("NodeList", "", json!([{"metadata": {"name": "n1"}}])));
        fake.on("GET", PODS).answer(Answer::status(403, "Forbidden", "pods is forbidden: no"));
        let (nodes, everything) = room(&connect(&fake).await, &[to_place()], PATIENCE).await;
        assert_eq!(nodes.seen().map(|nodes| nodes.node_ids().count()), Some(1));
        assert!(matches!(&everything, Known::Unknown(why) if why.contains("is forbidden")), "{everything:?}");
    }
}
