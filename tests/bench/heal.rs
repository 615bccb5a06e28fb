//! A check of self-healing in large clusters: 10,000 pods of a control plane, and 50,000, which only a stub can hold here.

use std::path::Path;

use testbed::{Cluster, status};

use crate::crowd_objects::Size;
use crate::plan::{self, raw_fetch_of};
use crate::stub::Stub;
use crate::table::{Line, show};
use crate::tool::{Run, Tool};

const LARGE: Size = Size { pods: 50_000, nodes: 500 };
const PODS: usize = 10_000;
const DEPLOYMENTS: usize = 100;
const NODES: usize = 100;
/// The best of these: a busy machine only ever adds time.
const RUNS: usize = 3;

pub fn run(heal_check: &Tool) -> Result<(), String> {
    status::line(&format!("{} pods on {} nodes, from a stub on the loopback", LARGE.pods, LARGE.nodes));
    let directory = tempfile::tempdir().map_err(|error| format!("no folder: {error}"))?;
    let stub = Stub::start(LARGE)?;
    let kubeconfig = stub.kubeconfig(directory.path())?;
    let row = format!("heal {}", LARGE.pods);
    let ours = best(heal_check, &kubeconfig, &["-A", "-o", "json", "--fail-on=critical"], &stub, RUNS);
    // The same pages by somebody who does not look at them.
    let urls: Vec<String> = ours.1.iter().map(|uri| format!("{}{uri}", stub.url)).collect();
    let words: Vec<&str> = ["-sSfg"].into_iter().chain(urls.iter().map(String::as_str)).collect();
    let raw = best(&Tool::curl(), &kubeconfig, &words, &stub, RUNS);
    // Once: it holds all of them, in gigabytes.
    let kubectl = best(&Tool::kubectl(), &kubeconfig, &["get", "pods", "-A", "-o", "json"], &stub, 1);
    let line = |who, (run, _): (Run, _)| Line { row: row.clone(), who, pieces: LARGE.pods, run };
    match show(&[line("ours", ours), line("raw", raw), line("kubectl", kubectl)]) {
        0 => Ok(()),
        failed => Err(format!("{failed} runs failed")),
    }
}

/// 10,000 pods of 100 Deployments.
pub fn lines(cluster: &Cluster, heal_check: &Tool) -> Vec<Line> {
    let room = cluster.room(NODES);
    let names: Vec<String> = (1..=DEPLOYMENTS).map(|number| format!("web-{number}")).collect();
    for name in &names {
        room.deployment(name, PODS / DEPLOYMENTS);
    }
    for name in &names {
        room.ready(name, PODS / DEPLOYMENTS);
    }
    let row = format!("heal {PODS}");
    let ours = plan::best(cluster, heal_check, &["-A", "-o", "json", "--fail-on=critical"]);
    let raw = raw_fetch_of(cluster, &ours, |_| true);
    let kubectl = plan::best(cluster, &Tool::kubectl(), &["get", "pods", "-A", "-o", "json"]);
    let line = |who, run| Line { row: row.clone(), who, pieces: PODS, run };
    vec![line("ours", ours), line("raw", raw), line("kubectl", kubectl)]
}

/// The best run, and what it requested.
fn best(tool: &Tool, kubeconfig: &Path, args: &[&str], stub: &Stub, count: usize) -> (Run, Vec<String>) {
    let runs = (0..count).map(|_| {
        let run = tool.run_with(kubeconfig, args);
        (run, stub.take_requested())
    });
    runs.min_by(|(a, _), (b, _)| a.seconds.total_cmp(&b.seconds))
        .unwrap_or_else(|| (Run::nothing(), Vec::new()))
}
