//! The same snapshot as of a cluster, from files (`--from`): nothing is requested. What is not in them is unknown, never "none".

mod files;
mod keys;
pub mod kind;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster_model::feasibility::Cluster as Scheduling;
use cluster_model::feasibility::volumes::Volumes;
use cluster_model::{Known, NodeExt, Raw, selector};
use k8s_openapi::jiff::Timestamp;
use kube::core::Selector;
use plugin_client::Failure;
use plugin_client::dump::Dump;

use super::webhook_backends;
use crate::args::Target;
use crate::finding::Unchecked;
use crate::snapshot::{Gathered, Origin, Packed, Read, Selection};
use files::Files;
use kind::Kind;

pub struct Offline {
    pub gathered: Gathered,
    pub selection: Selection,
    pub nodes: usize,
    pub pods: usize,
    /// When the oldest file was written.
    pub taken_at: Option<Timestamp>,
    pub missing: Vec<Kind>,
    /// How many objects of other kinds there are.
    pub skipped: BTreeMap<String, usize>,
}

/// `namespace`: `None` is all.
///
/// # Errors
///
/// The files are not whole, or nothing that is checked is in them; a selector is not understood.
pub fn read(
    dump: &Dump,
    target: &Target,
    namespace: Option<&str>,
    needed: &BTreeSet<Read>,
) -> Result<Offline, Failure> {
    let by_labels = match target {
        Target::Selector(text) => Some(parsed(text)?),
        Target::All | Target::Named(_) => None,
    };
    let mut files = Files::new(namespace, needed);
    dump.read(&mut |entry| files.add(&entry))?;
    if !files.seen.iter().any(|kind| matches!(kind, Kind::Read(read) if read.is_always_read())) {
        return Err(nothing(dump.name(), &files.skipped));
    }
    let missing = |kind: Kind| (!files.seen.contains(&kind)).then(|| not_there(kind, dump));
    let kinds = Read::ALL.into_iter().filter(|read| needed.contains(read)).map(Kind::Read);
    let kinds = kinds.filter(|kind| missing(*kind).is_some()).collect();
    let taken_at = dump.modified();
    let (mut nodes, pod_count) = (std::mem::take(&mut files.nodes), files.pod_count);
    nodes.sort_by(|a, b| a.name().cmp(b.name()));
    let selection = match target {
        Target::All => Selection::All,
        Target::Named(names) => Selection::Named(names.clone()),
        Target::Selector(_) => Selection::Uids(selected(&files, by_labels.as_ref())),
    };
    let scheduling = scheduling(&mut files, &nodes, dump);
    let mut objects: BTreeMap<Read, Known<Vec<Packed>>> = BTreeMap::new();
    let is_object = |read: &Read| !matches!(read, Read::Pods | Read::Nodes) && needed.contains(read);
    for read in Read::ALL.into_iter().filter(is_object) {
        let mut all = files.objects.remove(&read).unwrap_or_default();
        // As the API server lists them.
        let key = |it: &Packed| {
            let object = it.value();
            (object.text("/metadata/namespace").to_owned(), object.name().to_owned())
        };
        all.sort_by_cached_key(key);
        objects.insert(read, known(&files, Kind::Read(read), dump, all));
    }
    webhook_backends::retain(namespace, &mut objects);
    let mut own = std::mem::take(&mut files.pods.own);
    own.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    let undated = taken_at.is_none().then(|| undated(dump));
    let gathered = Gathered {
        // Where the time is not known nothing is overdue.
        now: taken_at.unwrap_or(Timestamp::MIN),
        pods: known(&files, Kind::Read(Read::Pods), dump, own),
        objects,
        scheduling,
        controllers: std::mem::take(&mut files.pods.controllers),
        origin: Origin {
            today: taken_at.is_none().then(Timestamp::now),
            unchecked: undated.into_iter().collect(),
            ..Origin::default()
        },
        nodes: known(&files, Kind::Read(Read::Nodes), dump, nodes.clone()),
    };
    let skipped = std::mem::take(&mut files.skipped);
    Ok(Offline {
        gathered,
        selection,
        nodes: nodes.len(),
        pods: pod_count,
        taken_at,
        missing: kinds,
        skipped,
    })
}

pub fn parsed(selector: &str) -> Result<Selector, Failure> {
    selector::query::parse(selector).map_err(|error| {
        Failure::usage(format!("--selector {selector}: not understood"))
            .cause(error)
            .hint("write it as in app=web,tier!=cache")
    })
}

/// Nothing that was checked is never good.
pub fn nothing(name: &str, skipped: &BTreeMap<String, usize>) -> Failure {
    let others = others(skipped);
    let what = if others.is_empty() { String::new() } else { format!("; it has {others}") };
    Failure {
        local: true,
        ..Failure::failed(format!("there is nothing in {name} that is checked here{what}"))
    }
    .hint("it has to have Deployments, StatefulSets, DaemonSets, ReplicaSets, Jobs, CronJobs or pods")
}

/// `2 ConfigMap, 1 Secret`, of many kinds the first ones.
pub fn others(skipped: &BTreeMap<String, usize>) -> String {
    const SHOWN: usize = 8;
    let mut shown: Vec<String> = skipped.iter().take(SHOWN).map(|(kind, n)| format!("{n} {kind}")).collect();
    if skipped.len() > SHOWN {
        let rest: usize = skipped.values().skip(SHOWN).sum();
        shown.push(format!("{rest} of other kinds"));
    }
    shown.join(", ")
}

fn not_there(kind: Kind, dump: &Dump) -> String {
    format!("not in {}; add what `{}` prints", dump.name(), kind.command())
}

fn undated(dump: &Dump) -> Unchecked {
    Unchecked {
        id: "time".to_owned(),
        reason: format!(
            "when {} was written is not known, so that nothing counts as overdue; store it in a file first",
            dump.name()
        ),
    }
}

fn known<T>(files: &Files, kind: Kind, dump: &Dump, found: T) -> Known<T> {
    if files.seen.contains(&kind) { Known::Seen(found) } else { Known::Unknown(not_there(kind, dump)) }
}

/// By labels, as the server would find them.
fn selected(files: &Files, query: Option<&Selector>) -> BTreeSet<String> {
    let own = Read::NAMED.iter().filter_map(|read| files.objects.get(read)).flatten().map(Packed::value);
    let objects = own.filter(|it| selector::selects(query, Some(&it.labels()))).map(|it| it.uid().to_owned());
    let pods = files.pods.own.iter().filter(|pod| selector::selects(query, Some(&pod.labels)));
    objects.chain(pods.map(|pod| pod.uid.to_string())).collect()
}

/// What the scheduler reads of the whole cluster.
fn scheduling(
    files: &mut Files,
    nodes: &[k8s_openapi::api::core::v1::Node],
    dump: &Dump,
) -> Known<Arc<Scheduling>> {
    for read in [Read::Pods, Read::Nodes] {
        if !files.seen.contains(&Kind::Read(read)) {
            return Known::Unknown(format!("{read}: {}", not_there(Kind::Read(read), dump)));
        }
    }
    let mut scheduling = std::mem::take(&mut files.pods.scheduling);
    nodes.iter().for_each(|node| scheduling.add_node(node));
    scheduling.finish();
    // Of a cluster there is a moment when such pods are deleted; of files it is far more likely that they do not have all nodes.
    if let Some(first) = scheduling.missing_nodes.first() {
        return Known::Unknown(format!("pods run on node {first}, which is not in {}", dump.name()));
    }
    if scheduling.selects_namespaces() {
        let kind = Kind::Read(Read::Namespaces);
        match files.seen.contains(&kind) {
            true => files.namespaces.iter().for_each(|it| scheduling.add_namespace(it)),
            false => scheduling.namespaces = Known::Unknown(not_there(kind, dump)),
        }
    }
    if files.pods.needs.volumes {
        scheduling.volumes = volumes(files, dump);
    }
    Known::Seen(Arc::new(scheduling))
}

fn volumes(files: &mut Files, dump: &Dump) -> Volumes {
    let found = std::mem::replace(&mut files.volumes, Volumes::read());
    let Volumes { claims, persistent_volumes, classes, csi_nodes, attachments, drivers } = found;
    fn of<T>(files: &Files, kind: Kind, dump: &Dump, found: Known<T>) -> Known<T> {
        if files.seen.contains(&kind) { found } else { Known::Unknown(not_there(kind, dump)) }
    }
    Volumes {
        claims: of(files, Kind::Read(Read::Claims), dump, claims),
        persistent_volumes: of(files, Kind::Read(Read::Volumes), dump, persistent_volumes),
        classes: of(files, Kind::StorageClass, dump, classes),
        csi_nodes: of(files, Kind::CSINode, dump, csi_nodes),
        attachments: of(files, Kind::VolumeAttachment, dump, attachments),
        drivers: of(files, Kind::CSIDriver, dump, drivers),
    }
}
