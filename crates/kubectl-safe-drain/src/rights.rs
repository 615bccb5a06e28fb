//! May the user do what this drain needs? Asked before anything is changed, so that no right is found missing half-way.

use cluster_model::{Finding, Inventory, PodExt, Severity};
use plugin_client::api::access_review::{self, grant};
use plugin_client::{Cluster, Failure, Right, missing, missing_parts, rbac_rule};

use crate::args::Target;
use crate::checks::{NODES_NOT_WATCHED, RIGHTS_MISSING};
use crate::options::Options;
use crate::pod_filter::pods_to_evict;

/// Who may read these pods may read the others.
const ASKED_ABOUT: usize = 8;

/// What every drain needs, whatever is on the node.
fn needed(target: &Target, options: &Options) -> Vec<Right> {
    let removal = if options.disable_eviction {
        Right::new("delete", "", "pods")
    } else {
        Right::new("create", "", "pods").subresource("eviction")
    };
    let reads = [("get", "nodes"), ("get", "pods"), ("list", "pods"), ("watch", "pods")];
    let mut rights: Vec<Right> =
        reads.iter().map(|(verb, resource)| Right::new(verb, "", resource)).collect();
    if matches!(target, Target::Selector(_)) {
        rights.push(Right::new("list", "", "nodes"));
    }
    rights.extend([Right::new("patch", "", "nodes"), removal]);
    rights
}

/// Reading budgets is no condition (the server keeps them anyway), but without it there is no forecast. Nor is watching nodes: without it
/// an uncordon is noticed a little later.
fn wanted() -> Vec<Right> {
    let budgets = ["list", "watch"].iter().map(|verb| Right::new(verb, "policy", "poddisruptionbudgets"));
    budgets.chain([Right::new("watch", "", "nodes")]).collect()
}

fn is_node_watch(right: &Right) -> bool {
    right.resource == "nodes" && right.verb == "watch"
}

/// Before anything is read: what is missing for certain. The right to evict may be granted per namespace, and that to read a pod for some
/// pods only; see `findings`. A node's own credentials (kubernetes/kubernetes#131241) may read and change that node and list what is on it.
pub async fn check(cluster: &Cluster, target: &Target, options: &Options) -> Result<Vec<Right>, Failure> {
    let mut rights = needed(target, options);
    rights.extend(wanted());
    let mut denied = Vec::new();
    for right in missing(cluster, &rights).await? {
        match target {
            Target::Names(names) if is_of_nodes(&right) => {
                let parts = names.iter().map(|node| of_node(&right, node)).collect();
                denied.extend(missing_parts(cluster, right, parts).await?);
            }
            _ => denied.push(right),
        }
    }
    Ok(denied)
}

/// Can it be given for single nodes?
fn is_of_nodes(right: &Right) -> bool {
    right.resource == "nodes" || (right.resource == "pods" && matches!(right.verb.as_str(), "list" | "watch"))
}

fn of_node(right: &Right, node: &str) -> Right {
    match right.resource.as_str() {
        "nodes" if right.verb != "list" && right.verb != "watch" => right.clone().name(node),
        "nodes" => right.clone().field("metadata.name", node),
        _ => right.clone().field("spec.nodeName", node),
    }
}

/// The rights that are missing, once it is known in which namespaces pods have to go.
pub async fn findings(
    cluster: &Cluster,
    denied: Vec<Right>,
    inventory: &Inventory,
    options: &Options,
) -> Result<Vec<Finding>, Failure> {
    let (late, others): (Vec<Right>, Vec<Right>) = denied.into_iter().partition(is_of_pods);
    let unwatched =
        others.iter().any(|r| r.verb == "watch" && !r.group.is_empty()) && inventory.budgets.seen().is_some();
    let nodes_unwatched = others.iter().any(is_node_watch);
    let is_needed = |r: &Right| r.group.is_empty() && !is_node_watch(r);
    let mut lacking: Vec<Right> = others.into_iter().filter(is_needed).collect();
    for right in late {
        if right.verb == "get" {
            let some = pods_to_evict(inventory, options).take(ASKED_ABOUT);
            let parts = some.map(|pod| right.clone().namespace(pod.namespace()).name(pod.name())).collect();
            lacking.extend(missing_parts(cluster, right, parts).await?);
            continue;
        }
        let mut namespaces: Vec<&str> = pods_to_evict(inventory, options).map(PodExt::namespace).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let narrowed: Vec<Right> = namespaces.into_iter().map(|ns| right.clone().namespace(ns)).collect();
        lacking.extend(missing(cluster, &narrowed).await?);
    }
    Ok(lacking
        .iter()
        .map(|right| access_review::finding(right, RIGHTS_MISSING))
        .chain(unwatched.then(blind))
        .chain(nodes_unwatched.then(polled))
        .collect())
}

/// May it be given for single pods or namespaces, so that the pods have to be known first?
fn is_of_pods(right: &Right) -> bool {
    right.group.is_empty()
        && right.resource == "pods"
        && matches!(right.verb.as_str(), "create" | "delete" | "get")
}

/// Budgets were read once; how they change will not be seen.
fn blind() -> Finding {
    Finding::new(
        "budgets-not-checked",
        Severity::Unknown,
        "disruption budgets",
        "can be read but not watched: the drain retries every few seconds instead",
    )
    .remedy(grant(&Right::new("watch", "policy", "poddisruptionbudgets")))
}

/// The nodes are read again and again instead.
fn polled() -> Finding {
    Finding::new(
        NODES_NOT_WATCHED,
        Severity::Unknown,
        "nodes",
        "can be read but not watched: an uncordon by someone else is noticed after up to two seconds",
    )
    .remedy(grant(&Right::new("watch", "", "nodes")))
}

/// Reading is impossible already. All missing rights are reported at once, also those that are needed only later.
pub fn refusal(denied: &[Right]) -> Option<Failure> {
    let fatal: Vec<Right> = denied
        .iter()
        .filter(|r| r.group.is_empty() && !is_of_pods(r) && !is_node_watch(r) && r.verb != "patch")
        .cloned()
        .collect();
    access_review::refusal(&fatal).map(|failure| failure.block(&rbac_rule(denied)))
}
