//! The same inventory as from a cluster, from files (`--from`): nothing is requested. What is not in them is unknown, never "none".

mod facts;
pub mod header;
pub mod kind;
mod pods;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cluster_model::feasibility::Cluster as Scheduling;
use cluster_model::feasibility::volumes::Volumes;
use cluster_model::owner::OwnerKey;
use cluster_model::owner_graph::OwnerGraph;
use cluster_model::{DisruptionBudget, Inventory, Known, NodeExt, PodExt, selector};
use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::core::Selector;
use plugin_client::Failure;
use plugin_client::api::scheduling::Needs;
use plugin_client::dump::Dump;

use super::{awaited, budget_members, missing, scheduling, volumes};
use crate::args::Target;
use crate::verbs::Verbs;
use facts::Facts;
use kind::Kind;
use pods::{Found, Wanted};

/// An inventory and what it was made of.
pub struct Offline {
    pub inventory: Inventory,
    pub nodes: usize,
    pub pods: usize,
    /// They are a snapshot, which says that all nodes and pods were listed.
    pub is_complete: bool,
    /// When the files say, or were, written.
    pub taken_at: Option<Timestamp>,
    /// Kinds that a plan reads and that are not there, with the reason.
    pub missing: BTreeMap<Kind, String>,
    /// How many objects of other kinds there are.
    pub skipped: BTreeMap<String, usize>,
}

/// # Errors
///
/// The files are not whole, or without nodes or pods; a node is not there; a selector is not understood.
pub fn read(
    dump: &Dump,
    target: &Target,
    pod_selector: Option<&str>,
    verbs: &Verbs,
) -> Result<Offline, Failure> {
    let pod_selector = pod_selector.map(|text| parsed("--pod-selector", text)).transpose()?;
    let by_labels = match target {
        Target::Selector(text) => Some(parsed("--selector", text)?),
        Target::Names(_) => None,
    };
    let is_drained = |node: &Node| match (target, &by_labels) {
        (Target::Names(names), _) => names.iter().any(|name| name == node.name()),
        (Target::Selector(_), query) => selector::selects(query.as_ref(), node.metadata.labels.as_ref()),
    };
    let mut facts = Facts::new();
    dump.read(&mut |entry| facts.add(&entry, &is_drained))?;
    for kind in [Kind::Node, Kind::Pod] {
        if let Some(reason) = facts.missing(kind, dump) {
            return Err(Failure::refused("there can be no plan").cause(reason).hint(format!(
                "kubectl get {} -A -o json, or kubectl safe-drain NODE --snapshot FILE",
                plurals(Kind::ALL.iter().copied())
            )));
        }
    }
    let nodes = drained(std::mem::take(&mut facts.drained), target, verbs)?;
    let names: Vec<String> = nodes.iter().map(|node| node.name().to_owned()).collect();
    let taken_at = facts.header.as_ref().map(|header| header.taken_at.0).or_else(|| dump.modified());
    // Where the time is not known nothing is overdue.
    let mut inventory = Inventory::empty(taken_at.unwrap_or(Timestamp::MIN));
    inventory.nodes = nodes;
    let budgets = Known::Seen(facts.take_budgets());
    inventory.budgets = facts.known(Kind::PodDisruptionBudget, dump, budgets);

    let mut found = Found::new(std::mem::take(&mut facts.scheduling));
    let wanted = Wanted {
        nodes: &names,
        selector: pod_selector.as_ref(),
        spent: spent(&inventory),
        services: facts.webhook_services(),
    };
    dump.read(&mut |entry| found.add(&entry, &wanted))?;
    let (nodes, pods) = (facts.node_count, found.count);
    let missing = Kind::ALL.iter().filter_map(|kind| Some((*kind, facts.missing(*kind, dump)?))).collect();
    let skipped = std::mem::take(&mut facts.skipped);
    let is_complete = facts.header.is_some();
    fill(&mut inventory, facts, found, dump);
    Ok(Offline { inventory, is_complete, nodes, pods, taken_at, missing, skipped })
}

fn parsed(flag: &str, text: &str) -> Result<Selector, Failure> {
    selector::query::parse(text).map_err(|error| {
        Failure::usage(format!("{flag} {text}: not understood"))
            .cause(error)
            .hint("write it as in app=web,tier!=cache")
    })
}

pub fn plurals(kinds: impl Iterator<Item = Kind>) -> String {
    kinds.map(Kind::plural).collect::<Vec<_>>().join(",")
}

/// In the order in which a live run has them.
fn drained(mut found: Vec<Node>, target: &Target, verbs: &Verbs) -> Result<Vec<Node>, Failure> {
    match target {
        Target::Selector(text) if found.is_empty() => Err(super::no_node_matches(text)),
        Target::Selector(_) => {
            found.sort_by(|a, b| a.name().cmp(b.name()));
            Ok(found)
        }
        Target::Names(names) => {
            let of_name = |name: &String| found.iter().find(|node| node.name() == name).cloned();
            missing::all_there(names, names.iter().map(of_name).collect()).map_err(|missing| {
                let known: Vec<String> = found.iter().map(|node| node.name().to_owned()).collect();
                missing.failure(&known, verbs)
            })
        }
    }
}

fn spent(inventory: &Inventory) -> HashMap<&str, Vec<&DisruptionBudget>> {
    let mut by_namespace: HashMap<_, Vec<_>> = HashMap::new();
    for budget in budget_members::spent(inventory) {
        by_namespace.entry(budget.namespace()).or_default().push(budget);
    }
    by_namespace
}

/// All that depends on the pods.
fn fill(inventory: &mut Inventory, facts: Facts, found: Found, dump: &Dump) {
    let Found { mut scheduling, selected, unselected, unbound, not_ready, backends, .. } = found;
    let names: Vec<String> = inventory.nodes.iter().map(|node| node.name().to_owned()).collect();
    inventory.pods.extend(sorted(selected, &names));
    inventory.unselected.extend(sorted(unselected, &names));
    inventory.awaited = match facts.missing(Kind::PersistentVolumeClaim, dump) {
        Some(reason) if !unbound.is_empty() => Known::Unknown(reason),
        _ => Known::Seen(awaited(sorted(unbound, &[]), &facts, &names)),
    };
    inventory.owners = owners_of(inventory, &facts, dump);
    inventory.volumes = volumes_of(inventory, &facts, dump);
    inventory.not_ready_members = not_ready_members(inventory, not_ready);
    scheduling.finish();
    inventory.scheduling = match inventory.pods.iter().any(scheduling::moves) {
        false => Known::Seen(Scheduling::default()),
        // Of a cluster there is a moment when such pods are deleted; of files it is far more likely that they do not have all nodes.
        true if facts.header.is_none() && !scheduling.missing_nodes.is_empty() => {
            Known::Unknown(missing_nodes(&scheduling.missing_nodes))
        }
        true => {
            place(&mut scheduling, inventory, &facts, dump);
            Known::Seen(scheduling)
        }
    };
    inventory.webhooks = facts.webhooks(dump, &backends);
}

/// Node by node, and by their keys on each: as the API server lists them.
fn sorted(mut pods: Vec<Pod>, nodes: &[String]) -> Vec<Pod> {
    pods.sort_by_cached_key(|pod| (nodes.iter().position(|name| name == pod.node()), pod.key()));
    pods
}

fn awaited(unbound: Vec<Pod>, facts: &Facts, nodes: &[String]) -> Vec<(String, Pod)> {
    let chosen = |pod: &Pod| {
        let mut claims = awaited::claims(pod).filter_map(|name| facts.claim(pod.namespace(), name));
        claims.find_map(|claim| awaited::chosen_by(claim, pod, nodes)).map(str::to_owned)
    };
    unbound.into_iter().filter_map(|pod| Some((chosen(&pod)?, pod))).collect()
}

fn owners_of(inventory: &Inventory, facts: &Facts, dump: &Dump) -> OwnerGraph {
    let keys = inventory.pods.by_controller().map(|(key, _)| key);
    let found = keys.filter_map(|key: &OwnerKey| {
        let kind = Kind::named(&key.kind).filter(|kind| kind.api_version() == key.api_version)?;
        // A kind that no run reads; a check reports it.
        if !Kind::OWNERS.contains(&kind) {
            return None;
        }
        let state = match facts.missing(kind, dump) {
            Some(reason) => Known::Unknown(reason),
            None => Known::Seen(facts.workloads.get(key).cloned()),
        };
        Some((key.clone(), state))
    });
    found.collect()
}

fn volumes_of(
    inventory: &Inventory,
    facts: &Facts,
    dump: &Dump,
) -> BTreeMap<String, Known<PersistentVolume>> {
    let no_claims = facts.missing(Kind::PersistentVolumeClaim, dump);
    let no_volumes = facts.missing(Kind::PersistentVolume, dump);
    let found = volumes::claims(&inventory.pods).into_iter().filter_map(|(namespace, name)| {
        let volume = match &no_claims {
            Some(reason) => Known::Unknown(reason.clone()),
            None => {
                let volume = facts.claim(&namespace, &name)?.spec.as_ref()?.volume_name.as_ref()?;
                match &no_volumes {
                    Some(reason) => Known::Unknown(reason.clone()),
                    None => Known::Seen(facts.persistent_volumes.get(volume)?.clone()),
                }
            }
        };
        Some((format!("{namespace}/{name}"), volume))
    });
    found.collect()
}

/// Of each budget that allows nothing and has a pod here, as a live run lists them.
fn not_ready_members(
    inventory: &Inventory,
    mut found: BTreeMap<String, Vec<Pod>>,
) -> BTreeMap<String, Vec<Pod>> {
    let short = budget_members::spent(inventory).filter(|budget| inventory.members(budget).next().is_some());
    let members = short.map(|budget| {
        let pods = found.remove(budget.key()).unwrap_or_default();
        (budget.key().to_owned(), sorted(pods, &[]))
    });
    members.collect()
}

fn missing_nodes(names: &BTreeSet<String>) -> String {
    let first = names.first().map(String::as_str).unwrap_or_default();
    match names.len() {
        1 => format!("pods run on node {first}, which is not in the files"),
        n => format!("pods run on {n} nodes that are not in the files, as {first}"),
    }
}

/// What the scheduler reads besides nodes and pods, where it matters.
fn place(scheduling: &mut Scheduling, inventory: &Inventory, facts: &Facts, dump: &Dump) {
    if scheduling.selects_namespaces()
        && let Some(reason) = facts.missing(Kind::Namespace, dump)
    {
        scheduling.namespaces = Known::Unknown(reason);
    }
    let moving = inventory.pods.iter().filter(|pod| scheduling::moves(pod));
    if !Needs::of(moving).volumes {
        return;
    }
    let Volumes { claims, persistent_volumes, classes, csi_nodes, attachments, drivers } =
        facts.volumes.clone();
    scheduling.volumes = Volumes {
        claims: facts.known(Kind::PersistentVolumeClaim, dump, claims),
        persistent_volumes: facts.known(Kind::PersistentVolume, dump, persistent_volumes),
        classes: facts.known(Kind::StorageClass, dump, classes),
        csi_nodes: facts.known(Kind::CSINode, dump, csi_nodes),
        attachments: facts.known(Kind::VolumeAttachment, dump, attachments),
        drivers: facts.known(Kind::CSIDriver, dump, drivers),
    };
}

#[cfg(test)]
mod tests;
