//! Plans, beside more and more pods that they are not about.

use serde_json::json;
use testbed::Cluster;

use crate::crowd::crowd;
use crate::measure::two_revisions;
use crate::table::Line;
use crate::tool::{Run, Tool};

const PODS: usize = 10;
const OTHERS: [usize; 3] = [0, 2_000, 10_000];
/// The best of these: a busy machine only ever adds time.
const RUNS: usize = 5;

pub fn lines(cluster: &Cluster, drain: &Tool, rollback: &Tool) -> Vec<Line> {
    let room = two_revisions(cluster, "Deployment", PODS);
    let elsewhere = cluster.room(0);
    let nodes = silent_nodes(cluster, OTHERS[OTHERS.len() - 1] / 100);
    let kubectl = Tool::kubectl();
    let (mut lines, mut there) = (Vec::new(), 0);
    for others in OTHERS {
        crowd(&elsewhere, there..others, &nodes, |_, _| ());
        there = others;
        let mut add = |name: &str, who, run| {
            lines.push(Line { row: format!("plan {name} {others}"), who, pieces: 1, run });
        };
        let node = room.nodes()[0].as_str();
        // It reads all pods, because whether others fit elsewhere depends on them.
        let ours = best(cluster, drain, &[node, "--dry-run=client"]);
        let raw = raw_fetch(cluster, &ours);
        add("drain", "ours", ours);
        add("drain", "raw", raw);
        add("drain", "kubectl", best(cluster, &kubectl, &["drain", node, "--dry-run=client"]));
        let what = ["deployment/web", "-n", room.namespace(), "--dry-run=client"];
        let ours = best(cluster, rollback, &[&what[..], &["--previous"]].concat());
        let raw = raw_fetch(cluster, &ours);
        add("rollback", "ours", ours);
        add("rollback", "kubectl", best(cluster, &kubectl, &[&["rollout", "undo"], &what[..]].concat()));
        add("rollback", "raw", raw);
    }
    lines
}

pub fn best(cluster: &Cluster, tool: &Tool, args: &[&str]) -> Run {
    let mut best = tool.run(cluster, args);
    for _ in 1..RUNS {
        let next = tool.run(cluster, args);
        if next.seconds < best.seconds {
            best = next;
        }
    }
    best
}

/// The lists of pods that a run asked for, page by page, once more, by somebody who does not look at them.
fn raw_fetch(cluster: &Cluster, run: &Run) -> Run {
    raw_fetch_of(cluster, run, |resource| resource == "pods")
}

/// The same of other resources.
pub fn raw_fetch_of(cluster: &Cluster, run: &Run, is_meant: impl Fn(&str) -> bool) -> Run {
    let file = |name: &str| cluster.dir().join(name).display().to_string();
    let mut args: Vec<String> = ["-sSfg", "--compressed"].map(str::to_owned).into();
    for (flag, name) in [("--cacert", "ca.crt"), ("--cert", "admin.crt"), ("--key", "admin.key")] {
        args.extend([flag.to_owned(), file(name)]);
    }
    let lists = run.requests.filter(|entry| is_meant(&entry.resource) && entry.verb == "list");
    args.extend(lists.iter().map(|entry| format!("{}{}", cluster.server(), entry.uri)));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    best(cluster, &Tool::curl(), &args)
}

/// Nodes that nobody keeps alive: pods that are bound to them stay as they are, and cost nothing.
fn silent_nodes(cluster: &Cluster, count: usize) -> Vec<String> {
    let make = |number| {
        let name = format!("silent-{number}");
        cluster.create("/api/v1/nodes", &json!({"metadata": {"name": name}}));
        name
    };
    (1..=count).map(make).collect()
}
