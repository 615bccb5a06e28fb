//! May the user do what this drain needs? Asked before anything is changed, so that no right is found missing half-way.

use cluster_model::{Finding, PodExt, Severity, Snapshot};
use plugin_client::rights::{self, grant};
use plugin_client::{Cluster, Failure, Right, missing, rbac_rule};

use crate::args::Target;
use crate::checks::RIGHTS_MISSING;
use crate::fate::leavers;
use crate::options::Options;

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

/// Reading budgets is no condition (the server keeps them anyway), but without it there is no forecast.
fn wanted() -> Vec<Right> {
    ["list", "watch"].iter().map(|verb| Right::new(verb, "policy", "poddisruptionbudgets")).collect()
}

/// Before anything is read: what is missing for certain. The right to evict may be granted per namespace; see `in_namespaces`.
pub async fn check(cluster: &Cluster, target: &Target, options: &Options) -> Result<Vec<Right>, Failure> {
    let mut rights = needed(target, options);
    rights.extend(wanted());
    missing(cluster, &rights).await
}

/// The rights that are missing, once it is known in which namespaces pods have to go.
pub async fn findings(
    cluster: &Cluster,
    denied: Vec<Right>,
    snapshot: &Snapshot,
    options: &Options,
) -> Result<Vec<Finding>, Failure> {
    let (removal, others): (Vec<Right>, Vec<Right>) = denied.into_iter().partition(is_removal);
    let unwatched =
        others.iter().any(|r| r.verb == "watch" && !r.group.is_empty()) && snapshot.budgets.seen().is_some();
    let mut lacking: Vec<Right> = others.into_iter().filter(|r| r.group.is_empty()).collect();
    for right in removal {
        let mut namespaces: Vec<&str> = leavers(snapshot, options).map(PodExt::namespace).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        let narrowed: Vec<Right> = namespaces.into_iter().map(|ns| right.clone().namespace(ns)).collect();
        lacking.extend(missing(cluster, &narrowed).await?);
    }
    Ok(lacking
        .iter()
        .map(|right| rights::finding(right, RIGHTS_MISSING))
        .chain(unwatched.then(blind))
        .collect())
}

fn is_removal(right: &Right) -> bool {
    matches!(right.verb.as_str(), "create" | "delete")
}

/// Budgets were read once; how they change will not be seen.
fn blind() -> Finding {
    Finding::new(
        "budgets-not-checked",
        Severity::Unknown,
        "disruption budgets",
        "may be read but not watched: the drain asks the server every few seconds instead",
    )
    .remedy(grant(&Right::new("watch", "policy", "poddisruptionbudgets")))
}

/// Reading is impossible already. Who asks for the rights had better ask for all of them at once: also those that are missed later.
pub fn refusal(denied: &[Right]) -> Option<Failure> {
    let fatal: Vec<Right> = denied
        .iter()
        .filter(|r| r.group.is_empty() && !is_removal(r) && r.verb != "patch")
        .cloned()
        .collect();
    rights::refusal(&fatal).map(|failure| failure.block(&rbac_rule(denied)))
}
