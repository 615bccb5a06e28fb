//! Nodes that were named and are not there.

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use plugin_client::{Failure, nearest};

/// More would be a long search for a hint.
const LISTED_FOR_HINTS: u32 = 500;

pub struct Missing {
    gone: Vec<String>,
    there: Vec<String>,
}

/// Each of the nodes with these names, if all of them were found.
pub fn all_there(names: &[String], found: Vec<Option<Node>>) -> Result<Vec<Node>, Missing> {
    let (there, gone): (Vec<_>, Vec<_>) = names.iter().zip(found).partition(|(_, node)| node.is_some());
    if gone.is_empty() {
        return Ok(there.into_iter().filter_map(|(_, node)| node).collect());
    }
    let names =
        |nodes: Vec<(&String, Option<Node>)>| nodes.into_iter().map(|(name, _)| name.clone()).collect();
    Err(Missing { gone: names(gone), there: names(there) })
}

impl Missing {
    /// As kubectl: where one is not there, none is touched. `nodes`: what may have been meant.
    pub fn failure(&self, nodes: &[String]) -> Failure {
        let message = match self.gone.len() {
            1 => "there is no such node; nothing was changed",
            _ => "there are no such nodes; nothing was changed",
        };
        let named: Vec<String> = self.gone.iter().map(|name| format!("node/{name}")).collect();
        let failure = Failure::refused(message).object(named.join(", "));
        let near = |name: &String| nearest::question(name, nodes.iter().map(String::as_str));
        let failure =
            self.gone.iter().filter_map(near).fold(failure, Failure::hint).hint("kubectl get nodes");
        match self.there.is_empty() {
            true => failure,
            false => failure.hint(format!("name only the nodes that are there: {}", self.there.join(" "))),
        }
    }
}

/// The names of nodes, for hints: none without the right to list them.
pub async fn names(api: &Api<Node>) -> Vec<String> {
    let list = api.list_metadata(&ListParams::default().limit(LISTED_FOR_HINTS)).await;
    list.map(|list| list.items.iter().map(ResourceExt::name_any).collect()).unwrap_or_default()
}
