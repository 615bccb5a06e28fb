//! The heal matrix: what becomes of each workload if a container crashes, a pod, a node or a zone is lost, or a node is drained. Pure.

mod asked;
pub mod cell;
mod crash;
mod drain;
mod loss;
pub mod losses;
mod manifests;
mod next_template;
mod node_loss;
mod placement;
mod pod_loss;
mod remaining;
mod said;
#[cfg(test)]
mod tests;
mod zone_loss;

use std::collections::BTreeMap;

use cluster_model::text::span;
use cluster_model::{NodeExt, Raw};
use serde::Serialize;

pub use cell::{Cell, Evidence, OUTAGE, Verdict};

use crate::checks::hc306_probe_port::unanswered_probe;
use crate::checks::hc608_terminating::NO_LONGER_GOING;
use crate::checks::hc704_under_replicated::NO_LONGER_STARTING;
use crate::checks::hc804_healer_dead;
use crate::checks::{CHECKS, Check, Found, REFUSING, crashing, waiting};
use crate::finding::{Severity, Subject};
use crate::parallel;
use crate::snapshot::places::Losses;
use crate::snapshot::{Kind, PodState, Read, Recreated, Snapshot, Workload};
use placement::Placement;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Matrix {
    pub crash: Cell,
    pub pod_loss: Cell,
    pub node_loss: Cell,
    pub zone_loss: Cell,
    pub drain: Cell,
}

impl Matrix {
    /// The headings.
    pub const COLUMNS: [&str; 5] = ["crash", "pod loss", "node loss", "zone loss", "drain"];

    /// With the heading of each.
    pub fn cells(&self) -> [(&'static str, &Cell); 5] {
        let [crash, pod_loss, node_loss, zone_loss, drain] = Self::COLUMNS;
        [
            (crash, &self.crash),
            (pod_loss, &self.pod_loss),
            (node_loss, &self.node_loss),
            (zone_loss, &self.zone_loss),
            (drain, &self.drain),
        ]
    }

    fn map(self, mut change: impl FnMut(Cell) -> Cell) -> Matrix {
        let Matrix { crash, pod_loss, node_loss, zone_loss, drain } = self;
        Matrix {
            crash,
            pod_loss: change(pod_loss),
            node_loss: change(node_loss),
            zone_loss: change(zone_loss),
            drain: change(drain),
        }
    }

    fn all(cell: &Cell) -> Matrix {
        let [crash, pod_loss, node_loss, zone_loss, drain] = [(); 5].map(|()| cell.clone());
        Matrix { crash, pod_loss, node_loss, zone_loss, drain }
    }
}

/// Of every workload in question that is meant to run for good.
pub fn rows(snapshot: &Snapshot) -> Vec<&Workload> {
    snapshot.posture().filter(|it| it.kind != Kind::Job && has_row(it)).collect()
}

/// With what becomes of it in each case.
pub fn matrices(snapshot: &Snapshot) -> Vec<(&Workload, Matrix)> {
    let placement = snapshot.scheduling.seen().map(|cluster| Placement::of(snapshot, cluster));
    let rows = rows(snapshot);
    let refused = refusals(snapshot);
    let none = Losses::default();
    let losses = losses::losses(snapshot).unwrap_or(&none);
    parallel::map(&rows, |workload| {
        (*workload, matrix(workload, snapshot, placement.as_ref(), losses, &refused))
    })
}

/// A pod that is finished, an owner whose pods are, or a ReplicaSet of an earlier revision is not there to be healed.
fn has_row(workload: &Workload) -> bool {
    let is_history = workload.kind == Kind::ReplicaSet && workload.replicas == Some(0);
    let may_be_over = matches!(workload.kind, Kind::Pod | Kind::Other);
    !is_history && (!may_be_over || workload.active().next().is_some())
}

fn matrix(
    workload: &Workload,
    snapshot: &Snapshot,
    placement: Option<&Placement<'_>>,
    losses: &Losses,
    refused: &BTreeMap<Subject, String>,
) -> Matrix {
    if workload.replicas == Some(0) {
        return Matrix::all(&Cell::none("scaled to zero: there is nothing to heal"));
    }
    if let Some((read, why)) = snapshot.missing(&[Read::Pods]) {
        return Matrix::all(&Cell::unknown(format!("{read}: {why}")));
    }
    let crash = crash::crash(workload, snapshot);
    if let Some(cell) = not_recreated(workload) {
        return Matrix { crash, ..Matrix::all(&cell) };
    }
    let is_manifest = snapshot.origin.is_manifests();
    if !is_manifest && workload.active().next().is_none() {
        let cell = match workload.kind {
            Kind::DaemonSet if workload.object.number("/status/desiredNumberScheduled") == Some(0) => {
                return Matrix::all(&Cell::none("no node is meant to have its pods"));
            }
            _ => Cell::unknown("it has no pod now"),
        };
        return Matrix { crash, ..Matrix::all(&cell) };
    }
    let found = match is_manifest {
        true => manifests::row(workload, snapshot, crash),
        false => Matrix {
            crash,
            pod_loss: pod_loss::pod_loss(workload, snapshot, placement),
            node_loss: node_loss::node_loss(workload, snapshot, &losses.nodes),
            zone_loss: zone_loss::zone_loss(workload, snapshot, &losses.zones),
            drain: drain::drain(workload, snapshot, &losses.drains),
        },
    };
    let found = match workload.kind {
        Kind::DaemonSet => {
            let stays = Cell::none("one pod a node: that of a lost or drained node is not missed");
            Matrix { node_loss: stays.clone(), zone_loss: stays.clone(), drain: stays, ..found }
        }
        _ => found,
    };
    let other_template = next_template::difference(workload, snapshot, placement);
    let is_other_template = other_template.is_some();
    let failing = failing(workload, snapshot)
        .or_else(|| refusal(workload, refused))
        .or_else(|| other_template.map(str::to_owned));
    let dead = hc804_healer_dead::dead(snapshot).next().map(|(lease, _)| lease.name.clone());
    found.map(|cell| match (&dead, &failing) {
        (Some(name), _) if cell.promises() => {
            Cell::wont(format!("{name} does not renew its Lease (HC804)")).observed()
        }
        // Where the pods that run find no place, those of a newer template may.
        (_, Some(why)) if cell.promises() || is_other_template && cell.has_no_place => {
            Cell::unknown(format!("a new pod may not become Ready: {why}"))
        }
        _ => cell,
    })
}

/// The answer of all cells but the first, where nothing is known to make the pods again.
fn not_recreated(workload: &Workload) -> Option<Cell> {
    match &workload.recreated {
        Recreated::ByController => None,
        Recreated::Never => Some(Cell::wont("nothing recreates it (HC101)")),
        Recreated::OwnerMissing => Some(Cell::wont("its owner does not exist (HC102)")),
        Recreated::OwnerGoing => {
            Some(Cell::wont("it is being deleted: its controller makes no more pods (HC102)"))
        }
        Recreated::ByOperator => Some(Cell::unknown(format!(
            "what recreates the pods of a {} is not known: an operator, while it runs",
            workload.subject.kind
        ))),
        Recreated::Unknown(why) => Some(Cell::unknown(format!("whether its owner exists: {why}"))),
    }
}

/// What the checks found that keeps new pods from being admitted or from starting, by workload or namespace: the first of each.
fn refusals(snapshot: &Snapshot) -> BTreeMap<Subject, String> {
    let is_meant = |check: &&Check| REFUSING.contains(&check.id) && snapshot.missing(check.reads).is_none();
    let found = CHECKS.iter().filter(is_meant).flat_map(|check| {
        let mut found = Found::by(check);
        (check.run)(snapshot, &mut found);
        found.findings
    });
    let mut refused = BTreeMap::new();
    for it in found.filter(|it| it.severity >= Severity::Error) {
        let about = if it.subject.is_namespace() { format!("{} ", it.subject) } else { String::new() };
        refused.entry(it.subject).or_insert_with(|| format!("{about}{} ({})", it.message, it.id));
    }
    refused
}

fn refusal(workload: &Workload, refused: &BTreeMap<Subject, String>) -> Option<String> {
    let of_namespace = || refused.get(&Subject::of_namespace(&workload.subject.namespace));
    refused.get(&workload.subject).or_else(of_namespace).cloned()
}

/// What keeps its pods from becoming Ready now: another one would fare no better.
fn failing(workload: &Workload, snapshot: &Snapshot) -> Option<String> {
    if let Some((_, container)) = crashing::first(workload, snapshot) {
        return Some(format!("container {} is in a crash loop (HC601)", container.name));
    }
    if let Some(why) = unstartable(workload) {
        return Some(why);
    }
    if let Some(pod) = workload.active().find(|pod| pod.unscheduled.is_some()) {
        return Some(format!("{} waits for a node", pod.name));
    }
    // Those of a pod that runs were removed, by something that may not do it again.
    if let [gate, ..] = workload.spec().list("/schedulingGates") {
        return Some(format!("its template has the scheduling gate {}", gate.text("/name")));
    }
    if let Some((container, probe)) = unanswered_probe(workload) {
        return Some(format!("{probe} of container {container} asks a port without a number (HC306)"));
    }
    // The next pod waits for it, and for those of lower ordinals (pkg/controller/statefulset/stateful_set_control.go).
    let stays = |pod: &&PodState| pod.deletion.is_some_and(|at| snapshot.seconds_since(at) > NO_LONGER_GOING);
    if let Some(pod) =
        workload.pods.iter().map(|pod| &**pod).filter(|_| workload.kind == Kind::StatefulSet).find(stays)
    {
        return Some(format!("{} is not gone although it was deleted (HC608)", pod.name));
    }
    // Its name, or its place on the node, is taken until then.
    let has_name_taken = matches!(workload.kind, Kind::StatefulSet | Kind::DaemonSet);
    if let Some(pod) = workload.active().filter(|_| has_name_taken).find(|pod| !pod.finalizers.is_empty()) {
        return Some(format!("{} has a finalizer, and the next one is made when that is removed", pod.name));
    }
    // On a node that is down no pod is Ready: that says nothing about the next one elsewhere.
    let is_up = |pod: &&PodState| snapshot.node(&pod.node).is_none_or(|node| node.not_ready().is_none());
    let waits = workload.active().filter(is_up);
    let longest = waits
        .filter_map(|pod| Some((snapshot.seconds_since(pod.not_ready_since()?), pod)))
        .max_by_key(|it| it.0);
    // Pods of higher ordinals wait for it from the start (pkg/controller/statefulset/stateful_set_control.go).
    let is_waited_for = |seconds: i64| workload.is_ordered() || seconds > NO_LONGER_STARTING;
    let (seconds, pod) = longest.filter(|(seconds, _)| is_waited_for(*seconds))?;
    Some(format!("{} has not been Ready for {}", pod.name, span(seconds)))
}

/// A container that the kubelet cannot start, or whose image it cannot get.
fn unstartable(workload: &Workload) -> Option<String> {
    let is_error = |reason: &str| {
        matches!(
            reason,
            "ErrImagePull"
                | "ImagePullBackOff"
                | "InvalidImageName"
                | "ErrImageNeverPull"
                | "CreateContainerConfigError"
                | "CreateContainerError"
                | "RunContainerError"
        )
    };
    let (_, container, waiting) = waiting::first(workload, |_, waiting| is_error(&waiting.reason))?;
    Some(format!("container {}: {}", container.name, waiting.reason))
}

/// Without all nodes and pods of the cluster nothing can be said about where pods go.
fn no_placement() -> Cell {
    Cell::unknown("the nodes and pods of the cluster could not be read")
}
