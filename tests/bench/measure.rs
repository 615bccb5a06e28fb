//! What the rows share: the plugins, their start-up, and workloads that are rolled out.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbed::{Cluster, Room, wait};

pub const STARTS: usize = 21;

/// Far above what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(600);

/// All of them as they are shipped, which on Linux is with another C library than that of the machine: a debug build, or one for this machine
/// alone, would be measured for nothing.
pub fn shipped_plugins() -> Result<[PathBuf; 3], String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let built = testbed::cargo()
        .args(["run", "-q", "--locked", "-p", "release", "--", "programs"])
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output();
    let built = built.map_err(|error| format!("cannot run cargo: {error}"))?;
    if !built.status.success() {
        return Err(format!("the plugins could not be built: {}", built.status));
    }
    let directory = PathBuf::from(String::from_utf8_lossy(&built.stdout).trim());
    Ok(["kubectl-safe_drain", "kubectl-rollback_to", "kubectl-heal_check"].map(|name| directory.join(name)))
}

/// The smallest, the median, nine tenths, the largest.
pub fn distribution(mut all: Vec<f64>) -> [f64; 4] {
    all.sort_by(f64::total_cmp);
    let at = |part: f64| all[((all.len() - 1) as f64 * part).round() as usize];
    [at(0.0), at(0.5), at(0.9), at(1.0)]
}

/// Seconds from start to end, the median.
pub fn start_up(command: &mut Command) -> f64 {
    let mut seconds: Vec<f64> = (0..STARTS)
        .map(|_| {
            let start = Instant::now();
            let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(status.is_ok_and(|status| status.success()), "{command:?} failed");
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[STARTS / 2]
}

/// Waits until it is rolled out, however long a busy machine takes.
pub fn settled(room: &Room<'_>, kind: &str, name: &str) {
    wait(&format!("the rollout of {name}"), PATIENCE, || room.is_rolled_out(kind, name).then_some(()));
}

/// A workload whose second revision is rolled out: each rollback to the one before brings the other.
pub fn two_revisions<'a>(cluster: &'a Cluster, kind: &str, pods: usize) -> Room<'a> {
    let room = cluster.room(if kind == "DaemonSet" { pods } else { pods.div_ceil(100) });
    match kind {
        "Deployment" => room.deployment("web", pods),
        "StatefulSet" => room.statefulset("web", pods),
        _ => room.daemonset_with("web", |web| {
            // One after another, three hundred controller's rounds would be measured.
            web["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = serde_json::json!("100%");
        }),
    };
    settled(&room, kind, "web");
    room.observed(kind, "web");
    second_revision(&room, kind, "web");
    settled(&room, kind, "web");
    room.observed(kind, "web");
    room
}

pub fn second_revision(room: &Room<'_>, kind: &str, name: &str) {
    room.set_template(kind, name, |template| {
        template["metadata"]["annotations"]["bench"] = serde_json::json!("second");
    });
}

pub fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}
