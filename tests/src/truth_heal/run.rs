//! One case on the test bed: made, and event after event predicted, made to happen and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use testbed::{Cluster, Room, plugins_dir, poll};

use super::case::{Case, Event, zone_name};
use super::judge::{Judged, Outcome};
use super::observe::{app, budgets_are_current, evict, is_ready, is_terminating, name, node_of, quiet, uid};
use super::predict::{Cell, Column, column, report};

/// heal-check's own, which `--node-monitor-grace-period` of the test bed shortens.
const DETECTION: f64 = 50.0;
/// What is promised has to happen in that time.
const HEALS_WITHIN: Duration = Duration::from_secs(150);
/// Once what is promised has happened, a drain that still goes on is not going to end.
const DRAINS_WITHIN: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long a node may be silent on this cluster.
    pub detection: Duration,
}

pub struct Report {
    pub judged: Vec<Judged>,
    /// Events that could not be judged, and why.
    pub void: Vec<String>,
    log: String,
}

pub fn run(cluster: &Cluster, case: &Case, bounds: Bounds) -> Report {
    let room = cluster.room_with(case.nodes.len(), |index, node| furnish(node, index, case));
    case.objects.iter().for_each(|object| drop(room.apply(object.clone())));
    let mut report = Report { judged: Vec::new(), void: Vec::new(), log: String::new() };
    for event in &case.events {
        if let Err(why) = happen(&room, case, *event, bounds, &mut report) {
            report.void.push(format!("{}: {why}", event.name()));
        }
    }
    report
}

fn furnish(node: &mut Value, index: usize, case: &Case) {
    let (zone, cpu, is_tainted) = case.nodes[index];
    let room = node["metadata"]["labels"]["room"].as_str().unwrap_or_default().to_owned();
    node["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!(zone_name(&room, zone));
    node["metadata"]["labels"]["half"] = json!(if index.is_multiple_of(2) { "a" } else { "b" });
    for field in ["capacity", "allocatable"] {
        node["status"][field]["cpu"] = json!(cpu.to_string());
    }
    if let Some(taints) = node["spec"]["taints"].as_array_mut().filter(|_| is_tainted) {
        taints.push(json!({"key": "dedicated", "value": "x", "effect": "NoSchedule"}));
    }
}

/// What an event takes away.
struct Target {
    /// The node or zone by its name, as a cell names it.
    name: String,
    nodes: Vec<String>,
    /// UIDs of pods.
    victims: BTreeSet<String>,
}

fn happen(
    room: &Room<'_>,
    case: &Case,
    event: Event,
    bounds: Bounds,
    report_to: &mut Report,
) -> Result<(), String> {
    let before = quiet(room, &[], false)
        .ok_or_else(|| format!("the room does not come to rest\n{}", shown(&room.pods())))?;
    poll(testbed::PATIENCE, || budgets_are_current(room).then_some(())).ok_or("budgets are not current")?;
    let report = report(room);
    let cells = column(&report, event.column());
    let Some(target) = target(room, case, event, &cells, &before) else { return Ok(()) };
    let log = &mut report_to.log;
    let _ = writeln!(log, "{} {}\n{}", event.name(), target.name, shown(&before));
    let started = Instant::now();
    let mut drain = act(room, event, &target)?;
    let lost: &[String] = if event.loses_nodes() { &target.nodes } else { &[] };
    let mut healed: BTreeMap<String, Instant> = BTreeMap::new();
    let mut hit: BTreeMap<String, Instant> = BTreeMap::new();
    let concerned: BTreeMap<&String, &Cell> = cells
        .iter()
        .filter(|(workload, cell)| cell.verdict != "none" && has_victim(&before, &target, workload))
        .collect();
    let is_promised = |cell: &Cell| matches!(&*cell.verdict, "heals" | "slow");
    let mut look = |healed: &mut BTreeMap<String, Instant>| {
        let pods = room.pods();
        for workload in concerned.keys() {
            if is_hit(&before, &pods, &target, workload) {
                hit.entry((*workload).clone()).or_insert_with(Instant::now);
            }
            if is_healed(&before, &pods, &target, lost, workload) {
                healed.entry((*workload).clone()).or_insert_with(Instant::now);
            }
        }
    };
    let _ = poll(HEALS_WITHIN, || {
        look(&mut healed);
        concerned
            .iter()
            .all(|(workload, cell)| !is_promised(cell) || healed.contains_key(*workload))
            .then_some(())
    });
    if let Some(child) = &mut drain {
        // Budgets that block it may do so for ever.
        let _ = poll(DRAINS_WITHIN, || child.try_wait().ok().flatten());
    }
    // Whether the others do after all shows when nothing more happens.
    let end = quiet(room, lost, event == Event::NodeDeleted);
    if end.is_none() {
        report_to.void.push(format!("{}: not at rest after it", event.name()));
    }
    look(&mut healed);
    if let Some(child) = &mut drain {
        let _ = child.kill();
        let _ = child.wait();
        uncordon(room, &target);
    }
    let others = room.nodes().iter().filter(|node| !lost.contains(node));
    let steady = others.clone().all(|node| is_up(&room.node(node)));
    if !steady {
        return Err("another node was lost meanwhile".to_owned());
    }
    let after = end.unwrap_or_else(|| room.pods());
    let _ = writeln!(log, "after it:\n{}", shown(&after));
    // Nobody but its kubelet ends a pod of a silent node: kwok had not noticed yet that it is not to play it.
    let is_silent = matches!(event, Event::NodeSilent | Event::ZoneSilent);
    let is_there = |victim: &String| after.iter().any(|pod| uid(pod) == victim);
    if is_silent && !target.victims.iter().all(is_there) {
        report_to.void.push(format!("{}: a pod of a silent node was ended all the same", event.name()));
        return Ok(());
    }
    for (workload, cell) in concerned {
        let from =
            if event == Event::Drain { hit.get(workload).copied().unwrap_or(started) } else { started };
        let outcome = match healed.get(workload) {
            Some(at) => Outcome::Healed(at.saturating_duration_since(from).as_secs_f64()),
            None => Outcome::DidNotHeal,
        };
        let expected = cell.eta.and_then(|eta| expected(event, eta, bounds));
        let is_worst = cell.worst == target.name;
        let judged =
            Judged { event, workload: workload.clone(), cell: cell.clone(), is_worst, outcome, expected };
        let _ = writeln!(
            log,
            "{workload}: {} ({}), worst {}: {outcome:?}, expected {expected:?}",
            cell.verdict, cell.reason, cell.worst
        );
        report_to.judged.push(judged);
    }
    Ok(())
}

/// The worst node or zone of one of the workloads.
fn target(room: &Room<'_>, case: &Case, event: Event, cells: &Column, before: &[Value]) -> Option<Target> {
    let candidates: Vec<&Cell> = cells.values().filter(|cell| !cell.worst.is_empty()).collect();
    if candidates.is_empty() {
        return None;
    }
    let name = candidates[case.pick(event, candidates.len())].worst.clone();
    let nodes: Vec<String> = if event == Event::ZoneSilent {
        let zone = |index: &usize| zone_name(room.namespace(), case.nodes[*index].0);
        (0..case.nodes.len())
            .filter(|index| zone(index) == name)
            .map(|index| room.nodes()[index].clone())
            .collect()
    } else {
        vec![name.clone()]
    };
    let on_it = |pod: &&Value| nodes.iter().any(|node| node == node_of(pod));
    let mut victims: Vec<&Value> = before.iter().filter(on_it).collect();
    if event == Event::PodLoss {
        // One pod of each workload whose worst node it is.
        let mut seen = BTreeSet::new();
        victims.retain(|pod| cells.contains_key(app(pod)) && seen.insert(app(pod).to_owned()));
        victims.truncate(1);
    }
    let victims = victims.into_iter().map(|pod| uid(pod).to_owned()).collect();
    Some(Target { name, nodes, victims })
}

fn act(room: &Room<'_>, event: Event, target: &Target) -> Result<Option<Child>, String> {
    match event {
        Event::PodLoss => {
            let pods = room.pods();
            let victims = pods.iter().filter(|pod| target.victims.contains(uid(pod)));
            victims.for_each(|pod| evict(room, name(pod)));
        }
        Event::Drain => {
            let mut command = room.cluster().command(plugins_dir().join("kubectl-safe_drain"));
            let accepted = "--allow=budget-blocked,pinned-pod,no-room,drain-deadlock,may-return";
            command.args([
                &*target.name,
                "--yes",
                "--force",
                "--ignore-daemonsets",
                "-o",
                "json",
                "--timeout",
                "120s",
                accepted,
            ]);
            return command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .map(Some)
                .map_err(|error| error.to_string());
        }
        Event::NodeSilent | Event::ZoneSilent => target.nodes.iter().for_each(|node| room.silence(node)),
        Event::NodeDeleted => room.cluster().delete(&format!("/api/v1/nodes/{}", target.name)),
    }
    Ok(None)
}

fn uncordon(room: &Room<'_>, target: &Target) {
    for node in &target.nodes {
        let _ = room.cluster().request(
            Method::PATCH,
            &format!("/api/v1/nodes/{node}"),
            Some(("application/merge-patch+json", &json!({"spec": {"unschedulable": null}}))),
        );
    }
}

fn expected(event: Event, eta: i64, bounds: Bounds) -> Option<f64> {
    let eta = f64::from(i32::try_from(eta).ok()?);
    match event {
        Event::PodLoss | Event::Drain => Some(eta),
        Event::NodeSilent | Event::ZoneSilent => Some(eta - DETECTION + bounds.detection.as_secs_f64()),
        // The cell is about a node that is silent.
        Event::NodeDeleted => None,
    }
}

fn has_victim(before: &[Value], target: &Target, workload: &str) -> bool {
    before.iter().any(|pod| app(pod) == workload && target.victims.contains(uid(pod)))
}

/// The first of its pods is on its way out, or gone.
fn is_hit(before: &[Value], pods: &[Value], target: &Target, workload: &str) -> bool {
    let mut victims = before.iter().filter(|pod| app(pod) == workload && target.victims.contains(uid(pod)));
    let stays = |victim: &&Value| pods.iter().any(|pod| uid(pod) == uid(victim) && !is_terminating(pod));
    !victims.all(|victim| stays(&victim))
}

/// As many of its pods are ready as before, without those that it loses.
fn is_healed(before: &[Value], pods: &[Value], target: &Target, lost: &[String], workload: &str) -> bool {
    let counts = |pod: &&Value| {
        app(pod) == workload
            && is_ready(pod)
            && !target.victims.contains(uid(pod))
            && !lost.iter().any(|node| node == node_of(pod))
    };
    let wanted = before.iter().filter(|pod| app(pod) == workload && is_ready(pod)).count();
    wanted > 0 && pods.iter().filter(counts).count() >= wanted
}

fn is_up(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    let is_ready = conditions.into_iter().flatten().any(|it| it["type"] == "Ready" && it["status"] == "True");
    let taints = node["spec"]["taints"].as_array();
    is_ready && !taints.into_iter().flatten().any(|it| it["effect"] == "NoExecute")
}

fn shown(pods: &[Value]) -> String {
    let line = |pod: &Value| {
        let is_going = if is_terminating(pod) { " terminating" } else { "" };
        format!("  {} on {:?} ready {}{is_going}", name(pod), node_of(pod), is_ready(pod))
    };
    pods.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl Report {
    pub fn contradictions(&self) -> impl Iterator<Item = &Judged> {
        self.judged.iter().filter(|judged| judged.contradiction().is_some())
    }

    /// For people, of a case with contradictions: the objects, what was predicted and what came.
    pub fn shown(&self, case: &Case) -> String {
        let found: Vec<String> = self
            .contradictions()
            .map(|it| {
                format!(
                    "{:?}: {} of {} when {}: {}",
                    it.contradiction(),
                    it.cell.verdict,
                    it.workload,
                    it.event.name(),
                    it.cell.reason
                )
            })
            .collect();
        format!("seed {}: {}\n{}\n{}", case.seed, found.join("\n"), case.shown(), self.log)
    }
}
