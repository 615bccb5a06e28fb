//! `make bench`: the plugins beside kubectl on one cluster in one run, so that only the ratios matter.
//!
//! `bench 1 30` drains a full node whose pods stop after 1 and 30 seconds, beside a bare loop that marks the limit of the control
//! plane; `bench rollback` measures how soon the end of a rollback is noticed, `bench tab` how long a shell waits for completion,
//! `bench model` how the model of the scheduler grows with the cluster, `bench heal` a check of 10,000 and of 50,000 pods, `bench proof`
//! how exactly a proof measures. The rows in `ROWS` are measured against goals
//! (`goals.rs`): a missed goal is reported, and only a run that fails makes this fail. Without names, everything.

mod budget;
mod child;
mod contender;
mod crowd;
mod crowd_objects;
mod goals;
mod heal;
mod many_pods;
mod measure;
mod model;
mod nodes;
mod noticed;
mod plan;
mod pool;
mod proof;
mod stub;
mod tab;
mod table;
mod tool;
mod workloads;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use testbed::{Cluster, Options, Room, annotate, status};

use contender::{Contender, Figures};
use table::Line;
use tool::Tool;

/// safe-drain and rollback-to.
type Tools = [Tool; 2];
type Measure = fn(&Cluster, &Tools) -> Vec<Line>;

/// Each on a cluster of its own: what one leaves behind slows no other down.
const ROWS: [(&str, Measure); 6] = [
    ("pool", |cluster, [drain, _]| pool::lines(cluster, drain)),
    ("rollback-300", |cluster, [_, rollback]| many_pods::lines(cluster, rollback)),
    ("workloads", |cluster, [_, rollback]| workloads::lines(cluster, rollback)),
    ("plan", |cluster, [drain, rollback]| plan::lines(cluster, drain, rollback)),
    ("budget", |cluster, [drain, _]| budget::lines(cluster, drain)),
    ("nodes", |cluster, [drain, _]| nodes::lines(cluster, drain)),
];

/// A full node.
const PODS: usize = 110;
/// Seconds that a pod takes to stop.
const STOPS_AFTER: [u64; 3] = [1, 10, 30];
/// Each contender's best of this many runs: a busy machine only ever adds time.
const RUNS: usize = 2;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    if words.next_if(|word| word == child::PARENT).is_some() {
        return child::parent(words);
    }
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            status::line(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), String> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let all = named.is_empty();
    let is_named = |name: &str| all || named.iter().any(|known| known == name);
    let is_known = |name: &&String| {
        ["rollback", "tab", "model", "heal", "proof"].contains(&name.as_str())
            || ROWS.iter().any(|(row, _)| name == row)
    };
    let drains: Vec<&String> = named.iter().filter(|name| !is_known(name)).collect();
    let seconds = if all { STOPS_AFTER.to_vec() } else { rows(&drains)? };
    if is_named("model") {
        model::run()?;
    }
    if named == ["model"] {
        return Ok(());
    }
    status::line("building the plugins as they are shipped");
    let [safe_drain, rollback_to, heal_check] = measure::shipped_plugins()?;
    let tools = [Tool::safe_drain(&safe_drain), Tool::rollback_to(&rollback_to)];
    if is_named("heal") {
        let heal_check = Tool::heal_check(&heal_check);
        heal::run(&heal_check)?;
        let cluster = start(Options { node_grace: Duration::from_secs(60), ..Options::default() })?;
        if table::show(&heal::lines(&cluster, &heal_check)) > 0 {
            return Err("runs failed".to_owned());
        }
    }
    if is_named("proof") {
        proof::rows(&start(Options::default())?, &heal_check)?;
    }
    if is_named("tab") {
        tab::rows(&start(Options::default())?, &safe_drain, &rollback_to);
    }
    if !seconds.is_empty() || is_named("rollback") {
        let cluster = start(Options::default())?;
        if !seconds.is_empty() {
            drain_rows(&cluster, &safe_drain, &seconds);
        }
        if is_named("rollback") {
            noticed::rows(&cluster, &tools[1]);
        }
        start_up(&cluster, "safe-drain", safe_drain, "drain");
        start_up(&cluster, "rollback-to", rollback_to, "rollout");
    }
    let mut failed = 0;
    for (_, lines) in ROWS.iter().filter(|(row, _)| is_named(row)) {
        // No node may fall silent because this machine is busy.
        let cluster = start(Options { node_grace: Duration::from_secs(60), ..Options::default() })?;
        failed += table::show(&lines(&cluster, &tools));
    }
    if failed > 0 { Err(format!("{failed} runs failed")) } else { Ok(()) }
}

fn start(options: Options) -> Result<Cluster, String> {
    Cluster::start(&options).map_err(|error| error.to_string())
}

fn drain_rows(cluster: &Cluster, plugin: &Path, rows: &[u64]) {
    let contenders = [Contender::Limit, Contender::Ours(plugin.to_owned()), Contender::Kubectl];
    status::line(&format!("{PODS} pods on one node, no budget, best of {RUNS}\n"));
    status::line("stop after  who       time    to limit  to kubectl  requests/pod  peak RSS");
    for &seconds in rows {
        let figures: Vec<Figures> = contenders.iter().map(|who| best(cluster, who, seconds)).collect();
        for (who, own) in contenders.iter().zip(&figures) {
            status::line(&row(seconds, who.name(), own, &figures[0], &figures[2]));
        }
    }
}

fn rows(named: &[&String]) -> Result<Vec<u64>, String> {
    named
        .iter()
        .map(|n| n.parse().map_err(|_| format!("{n} is neither a row nor a number of seconds")))
        .collect()
}

fn best(cluster: &Cluster, who: &Contender, seconds: u64) -> Figures {
    let runs = (0..RUNS).map(|_| who.drain(&full_node(cluster, seconds)));
    runs.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).unwrap_or_default()
}

/// A node with `PODS` pods, and an empty one for the replacements.
fn full_node(cluster: &Cluster, seconds: u64) -> Room<'_> {
    let room = cluster.room(2);
    let spare = format!("/api/v1/nodes/{}", room.nodes()[1]);
    cluster.merge(&spare, &json!({"spec": {"unschedulable": true}}));
    room.deployment_with("web", PODS, |web| {
        annotate(web, "testbed/delete-after", &format!("{seconds}s"));
        web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(60);
    });
    room.ready("web", PODS);
    cluster.merge(&spare, &json!({"spec": {"unschedulable": null}}));
    room
}

fn row(seconds: u64, name: &str, own: &Figures, limit: &Figures, kubectl: &Figures) -> String {
    let rss = own.peak_mib.map_or("-".to_owned(), |mib| format!("{mib:.1} MiB"));
    let requests = own.requests.map_or("-".to_owned(), |n| format!("{:.2}", n as f64 / PODS as f64));
    format!(
        "{:>9}s  {name:<8} {:>5.1}s  {:>8.2}×  {:>9.2}×  {requests:>12}  {rss:>8}",
        seconds,
        own.seconds,
        own.seconds / limit.seconds,
        own.seconds / kubectl.seconds,
    )
}

fn start_up(cluster: &Cluster, name: &str, plugin: PathBuf, kubectls: &str) {
    let ours = measure::start_up(cluster.command(plugin).arg("--help"));
    let kubectl = measure::start_up(cluster.command("kubectl").args([kubectls, "--help"]));
    status::line(&format!(
        "\n{name} --help, median of {}:  ours {:.1} ms   kubectl {kubectls} {:.1} ms   {:.2}×",
        measure::STARTS,
        ours * 1e3,
        kubectl * 1e3,
        ours / kubectl
    ));
}
