//! How soon the end of a rollback is noticed: from the moment in which a watcher of the bench gets the controller's final status to
//! the exit of whoever waits for it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use testbed::{Cluster, Room, Watcher, annotate, is_complete, status};

use crate::measure::{distribution, peak_kib};

/// Of each contender, for each kind: enough for a ninth tenth.
const ROLLBACKS: usize = 20;
const PODS: usize = 10;
/// A Deployment as large as this bed makes in reasonable time.
const MANY_PODS: usize = 300;

pub fn rows(cluster: &Cluster, plugin: &Path) {
    status::line(&format!(
        "\n{ROLLBACKS} rollbacks each, {PODS} pods; exit after the controller's final status, in ms (less than 0: before the watcher had it)\n"
    ));
    status::line("kind         who         min  median     p90     max   whole run, median");
    for kind in ["Deployment", "StatefulSet", "DaemonSet"] {
        for who in [Who::Ours(plugin), Who::Kubectl] {
            row(cluster, kind, &who);
        }
    }
    many(cluster, plugin);
}

enum Who<'a> {
    Ours(&'a Path),
    Kubectl,
}

fn row(cluster: &Cluster, kind: &str, who: &Who<'_>) {
    let name = match who {
        Who::Ours(_) => "ours",
        Who::Kubectl => "kubectl",
    };
    let room = two_revisions(cluster, kind, PODS);
    let (mut late, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROLLBACKS {
        let run = rollback(&room, kind, who);
        late.push(run.late * 1e3);
        whole.push(run.seconds);
    }
    let [min, median, p90, max] = distribution(late);
    let [_, seconds, ..] = distribution(whole);
    status::line(&format!(
        "{kind:<12} {name:<8} {min:>6.0}  {median:>6.0}  {p90:>6.0}  {max:>6.0}   {seconds:>6.2}s"
    ));
}

/// A workload whose second revision is rolled out: each rollback to the one before brings the other.
fn two_revisions<'a>(cluster: &'a Cluster, kind: &str, pods: usize) -> Room<'a> {
    let room = cluster.room(if kind == "DaemonSet" { pods } else { pods.div_ceil(100) });
    match kind {
        "Deployment" => room.deployment("web", pods),
        "StatefulSet" => room.statefulset("web", pods),
        _ => room.daemonset_with("web", |web| {
            // One after another, three hundred controller's rounds would be measured.
            web["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = serde_json::json!("100%");
        }),
    };
    room.rolled_out(kind, "web");
    room.observed(kind, "web");
    room.set_template(kind, "web", |template| {
        let mut object = serde_json::json!({"kind": kind, "spec": {"template": template.take()}});
        annotate(&mut object, "bench", "second");
        *template = object["spec"]["template"].take();
    });
    room.rolled_out(kind, "web");
    room.observed(kind, "web");
    room
}

struct Measured {
    /// Seconds from the final status to the exit.
    late: f64,
    seconds: f64,
    peak_kib: Option<u64>,
}

fn rollback(room: &Room<'_>, kind: &str, who: &Who<'_>) -> Measured {
    let target = format!("{}/web", kind.to_lowercase());
    let before = generation(&room.workload(kind, "web"));
    let watcher = Watcher::start(room.cluster(), room);
    let start = Instant::now();
    let (exit, peak_kib) = match who {
        Who::Ours(plugin) => {
            let mut command = room.cluster().command(plugin);
            command.env("XDG_STATE_HOME", room.cluster().dir().join("state"));
            command.args([&target, "-n", room.namespace(), "--previous", "--yes"]);
            end_of(command)
        }
        Who::Kubectl => {
            for verb in ["undo", "status"] {
                let mut command = room.cluster().command("kubectl");
                command.args(["rollout", verb, &target, "-n", room.namespace()]);
                end_of(command);
            }
            (Instant::now(), None)
        }
    };
    let record = watcher.finish();
    let last = record.events.iter().find(|event| {
        event.kind == kind && generation(&event.object) > before && is_complete(kind, &event.object)
    });
    let last = last.unwrap_or_else(|| panic!("{target} ended before its rollout was complete"));
    // An exit before that is less than nothing.
    let late = match exit.checked_duration_since(last.at) {
        Some(late) => late.as_secs_f64(),
        None => -last.at.duration_since(exit).as_secs_f64(),
    };
    Measured { late, seconds: exit.duration_since(start).as_secs_f64(), peak_kib }
}

fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or_default()
}

fn end_of(mut command: Command) -> (Instant, Option<u64>) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let (pid, over) = (child.id(), std::sync::atomic::AtomicBool::new(false));
    let (status, exit, peak) = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut peak = None;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                peak = peak_kib(pid).or(peak);
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            peak
        });
        let status = child.wait().unwrap_or_else(|error| panic!("lost {command:?}: {error}"));
        let exit = Instant::now();
        over.store(true, std::sync::atomic::Ordering::Relaxed);
        (status, exit, sampler.join().unwrap_or_default())
    });
    assert!(status.success(), "{command:?} failed: {status}");
    (exit, peak)
}

fn many(cluster: &Cluster, plugin: &Path) {
    let start = Instant::now();
    let room = two_revisions(cluster, "Deployment", MANY_PODS);
    let made = start.elapsed().as_secs_f64();
    for who in [Who::Ours(plugin), Who::Kubectl] {
        let run = rollback(&room, "Deployment", &who);
        let name = if run.peak_kib.is_some() { "ours" } else { "kubectl" };
        let peak =
            run.peak_kib.map_or(String::new(), |kib| format!(", peak RSS {:.1} MiB", kib as f64 / 1024.0));
        status::line(&format!(
            "{MANY_PODS} pods (made and updated in {made:.0}s): {name} {:.1}s, exit {:.0} ms after the final status{peak}",
            run.seconds,
            run.late * 1e3
        ));
    }
}
