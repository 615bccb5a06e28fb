//! `make bench`: drains of a full node by `kubectl drain`, by ours, and by a bare loop that marks the limit of the control plane;
//! and how soon the end of a rollback is noticed by `kubectl rollout status` and by ours. The same cluster, the same run, so that
//! only the ratios need to be believed. `bench 1 30` are two rows of the drains, `bench rollback` is the rollbacks alone.

mod contender;
mod measure;
mod noticed;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;
use testbed::{Cluster, Options, Room, annotate, status};

use contender::{Contender, Figures};

/// A full node.
const PODS: usize = 110;
/// Seconds that a pod takes to stop.
const STOPS_AFTER: [u64; 3] = [1, 10, 30];
/// Each contender's best of this many runs: a busy machine only ever adds time.
const RUNS: usize = 2;

fn main() -> ExitCode {
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
    let (rollbacks, drains): (Vec<_>, Vec<_>) = named.into_iter().partition(|name| name == "rollback");
    let seconds = if all { STOPS_AFTER.to_vec() } else { rows(&drains)? };
    status::line("building the plugins as they are shipped");
    let plugins = ["safe-drain", "rollback-to"].map(measure::shipped_plugin);
    let [plugin, rollback_to] = plugins;
    let (plugin, rollback_to) = (plugin?, rollback_to?);
    let cluster = Cluster::start(&Options::default()).map_err(|error| error.to_string())?;
    if !seconds.is_empty() {
        drain_rows(&cluster, &plugin, &seconds);
    }
    if all || !rollbacks.is_empty() {
        noticed::rows(&cluster, &rollback_to);
    }
    start_up(&cluster, "safe-drain", plugin, "drain");
    start_up(&cluster, "rollback-to", rollback_to, "rollout");
    Ok(())
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

fn rows(named: &[String]) -> Result<Vec<u64>, String> {
    named.iter().map(|n| n.parse().map_err(|_| format!("{n} is not a number of seconds"))).collect()
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
    let rss = own.peak_kib.map_or("-".to_owned(), |kib| format!("{:.1} MiB", kib as f64 / 1024.0));
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
