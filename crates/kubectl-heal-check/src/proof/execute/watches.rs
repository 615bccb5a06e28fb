//! The watches of a proof: the pods, the slices of their Services, the nodes, and the workload itself.

use futures::stream::{self, BoxStream, StreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use plugin_client::api::watch::Watched;
use plugin_client::{Cluster, Failure, feed, feed_of};

use crate::gather::objects;
use crate::proof::observed::{News, SERVICE_NAME};
use crate::proof::plan::Plan;

pub type Watches = BoxStream<'static, Result<News, Failure>>;

pub fn start(cluster: &Cluster, plan: &Plan) -> Watches {
    let namespace = plan.subject.namespace.as_str();
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let pods = feed(pods, Watched::default().labels(&plan.labels)).map(|it| it.map(News::Pods));
    // A node that cannot be watched is no reason to give up: only one of the reasons to stop is not seen then.
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let nodes = feed(nodes, Watched::default()).map(|it| Ok(it.map_or(News::NoNodes, News::Nodes)));
    let workload = objects::api(cluster, plan.read(), Some(namespace));
    let named = Watched::default().fields(&format!("metadata.name={}", plan.subject.name));
    let workload = feed_of(workload, plan.read().api().3, named, |_| true).map(|it| it.map(News::Workload));
    let mut all = vec![pods.boxed(), nodes.boxed(), workload.boxed()];
    if !plan.services.is_empty() {
        let slices: Api<EndpointSlice> = Api::namespaced(cluster.client.clone(), namespace);
        let of_services = format!("{SERVICE_NAME} in ({})", plan.services.join(","));
        let slices = feed(slices, Watched::default().labels(&of_services));
        all.push(slices.map(|it| it.map(News::Slices)).boxed());
    }
    stream::select_all(all).boxed()
}
